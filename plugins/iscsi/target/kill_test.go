package target

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
	"github.com/mesoncloud/meson/sdk"
)

// task is what a child does again and again until it is killed.
type task struct {
	Dir, Image, Lock string
	Portals          []string
	// Stays is a target that always is; Comes is one that comes and goes.
	Stays, Comes childTarget
}

type childTarget struct{ IQN, Initiator, User, Password string }

func (c childTarget) target() Target {
	return Target{IQN: c.IQN, Initiator: c.Initiator, User: c.User, Password: sdk.NewSecret(c.Password)}
}

func childOf(t Target) childTarget {
	return childTarget{t.IQN, t.Initiator, t.User, t.Password.Reveal()}
}

func (k task) volume(targets ...Target) Volume {
	return Volume{Key: "vol1", Image: k.Image, Portals: k.Portals, Targets: targets, Locks: func(context.Context) ([]*os.File, error) {
		lock, err := LockFile(k.Lock)
		return []*os.File{lock}, err
	}}
}

const taskFile = "MESON_TARGET_TASK"

// TestChild is the process that TestPluginKilled kills.
func TestChild(t *testing.T) {
	file := os.Getenv(taskFile)
	if file == "" {
		t.Skip("only as a child")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var k task
	if err := json.Unmarshal(data, &k); err != nil {
		t.Fatal(err)
	}
	h, err := New(Options{Dir: k.Dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for n := 0; ; n++ {
		targets := []Target{k.Stays.target(), k.Comes.target()}
		if _, err := h.Ensure(ctx, k.volume(targets...)); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			err = h.Fence(ctx, "vol1", k.Comes.IQN)
		} else {
			_, err = h.Ensure(ctx, k.volume(targets[:1]...))
		}
		if err == nil && n%8 == 7 {
			_, err = h.Restart(ctx, k.volume(targets...))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The plugin's process is killed at any instant of starting, making, fencing and
// restarting. The next one finds what there is and goes on: one daemon, exactly
// the recorded targets, and a writer that notices nothing but pauses.
func TestPluginKilled(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v, history := testHost(t), testVolume(t, 4<<20), targettest.NewHistory()
	k := task{
		Dir: h.dir, Image: v.Image, Lock: filepath.Join(filepath.Dir(v.Image), "lock"), Portals: v.Portals,
		Stays: childOf(v.Targets[0]), Comes: childOf(testTarget(2, "a2")),
	}
	data, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "task")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ensure(t, h, k.volume(v.Targets[0]))
	in := targettest.MustConnect(t, v.login(0))
	w := targettest.Write(t, in.Disk, history, 1)
	for range 12 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
		child.Env = append(os.Environ(), taskFile+"="+file)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		_ = child.Process.Kill()
		err := child.Wait()
		if !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the child ended by itself: %v", err)
		}
		s := ensure(t, h, k.volume(v.Targets[0]))
		if len(s.Targets) != 1 || s.Targets[0].IQN != v.Targets[0].IQN || s.Stale || len(s.Portals) != 1 {
			t.Errorf("after a kill there is %+v", s)
		}
		if pids := daemons(t, h.dir); len(pids) != 1 {
			t.Errorf("after a kill daemons %v run, want one", pids)
		}
		if held, err := Locked(k.Lock); err != nil || !held {
			t.Errorf("after a kill the lock is held: %v, %v", held, err)
		}
	}
	w.GoesOn(t, 100)
	w.Finish(t)
	history.MustBeRight(t, v.Image)
}

// daemons are the processes that serve something below a directory.
func daemons(t *testing.T, dir string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !isTgtd(pid) {
			continue
		}
		if environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ")); err == nil && strings.Contains(string(environ), envSocket+dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}
