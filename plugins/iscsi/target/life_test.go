package target

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
	"github.com/mesoncloud/meson/sdk"
)

// Another process finds the daemon and changes nothing; sessions go on.
func TestFoundAgain(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	first := ensure(t, h, v)
	in := targettest.MustConnect(t, v.login(0))
	other, err := New(Options{Dir: h.dir})
	if err != nil {
		t.Fatal(err)
	}
	s := ensure(t, other, v)
	if s.Pid != first.Pid || s.Stale || s.Image != v.Image {
		t.Errorf("found %+v, want %+v", s, first)
	}
	if got := s.Targets[0].Peers; len(got) != 1 || !strings.HasPrefix(got[0], "127.") {
		t.Errorf("peers are %v, want one of this machine", got)
	}
	if since := time.Since(s.Since); since < 0 || since > time.Minute {
		t.Errorf("it runs since %s, which is %s ago", s.Since, since)
	}
	if err := in.Flush(); err != nil {
		t.Errorf("the session did not go on: %v", err)
	}
	in.Kill()
	eventually(t, 10*time.Second, "nobody is connected", func() bool {
		s, err := other.Status(t.Context(), v.Key)
		return err == nil && len(s.Targets[0].Peers) == 0
	})
}

// Those that no record has are ended; those that one has stay.
func TestEnsureEndsWhatIsOnNoRecord(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	v.Targets = append(v.Targets, testTarget(2, "a2"), testTarget(3, "a3"))
	pid := ensure(t, h, v).Pid
	stays := targettest.MustConnect(t, v.login(1))
	gone := v.login(0)
	v.Targets = v.Targets[1:2]
	s := ensure(t, h, v)
	if len(s.Targets) != 1 || s.Targets[0].IQN != v.Targets[0].IQN || s.Pid != pid {
		t.Errorf("left are %+v", s)
	}
	if err := inquire(t, gone); err == nil {
		t.Error("a target that is on no record lets in")
	}
	if err := stays.Flush(); err != nil {
		t.Errorf("the one that stays: %v", err)
	}
	// A target that was not made to its end is made anew.
	c := h.control(filepath.Join(h.dir, v.Key))
	next := testTarget(4, "a4")
	if err := c.do(t.Context(), "half a target", adminRequest{mode: modeTarget, op: opNew, tid: number(next.IQN), params: "targetname=" + next.IQN}); err != nil {
		t.Fatal(err)
	}
	v.Targets = append(v.Targets, next)
	ensure(t, h, v)
	if err := inquire(t, v.login(1)); err != nil {
		t.Errorf("a target that had been half made: %v", err)
	}
}

// The machine was restarted: nothing runs, nothing is left in /run.
func TestMachineRestarted(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	before := ensure(t, h, v)
	kill(t, h, v.Key)
	if err := os.RemoveAll(filepath.Join(h.dir, v.Key)); err != nil {
		t.Fatal(err)
	}
	after := ensure(t, h, v)
	if after.Pid == before.Pid || after.Portals[0] != before.Portals[0] || after.Targets[0].IQN != before.Targets[0].IQN {
		t.Errorf("it came back as %+v, was %+v", after, before)
	}
	if err := inquire(t, v.login(0)); err != nil {
		t.Error(err)
	}
}

// Somebody cleared /run under a daemon: it can no longer be spoken to, but is
// found, and replaced without letting go of its locks.
func TestFilesRemovedUnderTheDaemon(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	h.answer = time.Second
	before := ensure(t, h, v)
	if err := os.RemoveAll(filepath.Join(h.dir, v.Key)); err != nil {
		t.Fatal(err)
	}
	after := ensure(t, h, v)
	if after.Pid == before.Pid {
		t.Error("the old one cannot be spoken to and was kept")
	}
	if err := inquire(t, v.login(0)); err != nil {
		t.Error(err)
	}
}

// Many at once make one daemon.
func TestManyAtOnce(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	var wg sync.WaitGroup
	pids := make([]int, 12)
	for i := range pids {
		wg.Go(func() {
			own, err := New(Options{Dir: h.dir})
			if err != nil {
				t.Error(err)
				return
			}
			s, err := own.Ensure(t.Context(), v)
			if err != nil {
				t.Error(err)
				return
			}
			pids[i] = s.Pid
		})
	}
	wg.Wait()
	if slices.Sort(pids); pids[0] != pids[11] {
		t.Errorf("daemons %v, want one", pids)
	}
}

// A volume whose lock somebody holds is not served, and nothing is left of the
// try.
func TestLockedByAnother(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	held, err := LockFile(filepath.Join(filepath.Dir(v.Image), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ensure(t.Context(), v); sdk.KindOf(err) != sdk.Busy {
		t.Fatalf("Ensure of a locked volume: %v, want busy", err)
	}
	if s, err := h.Status(t.Context(), v.Key); s != nil || err != nil {
		t.Errorf("after that there is %+v, %v", s, err)
	}
	_ = held.Close()
	ensure(t, h, v)
	// The same volume under another key is another daemon: it may not start.
	v.Key, v.Portals = "vol2", []string{portal(t)}
	if _, err := h.Ensure(t.Context(), v); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("a second daemon of one volume: %v, want busy", err)
	}
	if err := h.Stop(t.Context(), "vol1"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ensure(t.Context(), v); err != nil {
		t.Errorf("after the first has stopped: %v", err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "vol1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stop has left its directory: %v", err)
	}
}

// An initiator that is frozen is no longer counted after its time; it may come
// back.
func TestSilentPeerIsDropped(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	h.timeout = 4 * time.Second
	ensure(t, h, v)
	in := targettest.MustConnect(t, v.login(0))
	in.Freeze()
	eventually(t, 15*time.Second, "the frozen initiator is dropped", func() bool {
		s, err := h.Status(t.Context(), v.Key)
		return err == nil && len(s.Targets[0].Peers) == 0
	})
	in.Thaw()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- in.Flush() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Error("it did not come back")
	}
}
