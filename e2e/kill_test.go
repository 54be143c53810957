package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The kill tests hold Meson to one promise: kill -9 anything at any instant,
// start again, and an allocation has no machine or one, it is what the ledger
// says, and nothing is left that nobody knows.

// TestKillBroker kills the broker at every numbered step of deploy, and of rm.
func TestKillBroker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kvm1", "kvm2")
	killEvery(t, w, "broker", 4, 4)
}

// TestKillPlugin kills the plugin at every numbered step: the broker must live
// through it, and deploy and rm succeed.
func TestKillPlugin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kvm1", "kvm2")
	killEvery(t, w, "plugin", 6, 3)
}

// killEvery deploys and removes with a kill at the first step, then at the
// second, and so on until there are no more steps; fewer than the least tell
// that the steps are gone.
func killEvery(t *testing.T, w *world, who string, leastDeploy, leastRemove int) {
	deploys, removes := 0, 0
	for n, more := 1, true; more; n++ {
		name := fmt.Sprintf("%s-%d", who, n)
		w.order(who, n)
		_, errs, code := w.meson("deploy", w.spec, "--cheapest", "--name", name)
		deployKilled := !w.pending(who)
		if who == "plugin" && code != 0 {
			t.Fatalf("plugin killed at step %d: deploy ended with %d\n%s", n, code, errs)
		}
		w.settled(t, fmt.Sprintf("%s killed at step %d of deploy", who, n), name)

		if w.state(name) == "running" {
			w.order(who, n)
			w.meson("rm", name)
			if !w.pending(who) {
				removes++
			}
			w.must("resume")
			w.settled(t, fmt.Sprintf("%s killed at step %d of rm", who, n), name)
			w.must("rm", name)
		}
		if got := w.truth(); got != 0 {
			t.Fatalf("%s killed at step %d: %d machines after rm", who, n, got)
		}
		if more = deployKilled; more {
			deploys++
		}
	}
	if deploys < leastDeploy || removes < leastRemove {
		t.Errorf("killed at %d steps of deploy and %d of rm: want at least %d and %d", deploys, removes, leastDeploy, leastRemove)
	}
	t.Logf("%s killed at %d steps of deploy and %d of rm", who, deploys, removes)
}

// settled resumes what was left and compares the hosts with the ledger.
func (w *world) settled(t *testing.T, when, name string) {
	t.Helper()
	if _, errs, code := w.meson("resume"); code != 0 {
		// An offer that nobody may buy any more is a failure that leaves nothing.
		if state := w.state(name); state != "failed" && state != "gone" {
			t.Fatalf("%s: resume ended with %d and left it %s\n%s", when, code, state, errs)
		}
	}
	want := 0
	switch state := w.state(name); state {
	case "running":
		want = 1
	case "", "failed", "gone":
	default:
		t.Fatalf("%s: left as %s after resume", when, state)
	}
	if got := w.truth(); got != want {
		t.Fatalf("%s: the ledger says %q, the hosts hold %d", when, w.state(name), got)
	}
}

// state is that of the newest allocation of a name, empty if there is none.
func (w *world) state(name string) string {
	w.t.Helper()
	for _, a := range w.list() {
		if a.Name == name {
			return a.State
		}
	}
	return ""
}

// TestKillAtRandomInstants kills broker and plugin together, 20 times at random
// instants of deploy and of rm; MESON_SOAK makes it 200.
func TestKillAtRandomInstants(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	rounds := 20
	if os.Getenv("MESON_SOAK") != "" {
		rounds = 200
	}
	w := newWorld(t, "kvm1", "kvm2")
	for n := range rounds {
		name := fmt.Sprintf("random-%d", n)
		when := time.Duration(rng.IntN(500)) * time.Millisecond
		w.killAfter(when, rng.IntN(2) == 0, "deploy", w.spec, "--cheapest", "--name", name)
		w.settled(t, fmt.Sprintf("round %d: killed %s into deploy", n, when), name)
		if w.state(name) != "running" {
			continue
		}
		when = time.Duration(rng.IntN(300)) * time.Millisecond
		w.killAfter(when, rng.IntN(2) == 0, "rm", name)
		w.settled(t, fmt.Sprintf("round %d: killed %s into rm", n, when), name)
		w.must("rm", name)
		if got := w.truth(); got != 0 {
			t.Fatalf("round %d: %d machines after rm", n, got)
		}
	}
}

// killAfter runs a command and kills it after a while, its plugins first if so
// asked.
func (w *world) killAfter(when time.Duration, plugins bool, args ...string) {
	w.t.Helper()
	cmd := w.command(context.Background(), args...)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(when)
	if plugins {
		for _, pid := range childrenOf(cmd.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// childrenOf are the processes that a process has begun, from whichever thread.
func childrenOf(pid int) []int {
	var pids []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended; its children are another one's
		}
		for f := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

func TestChildrenOfEveryThread(t *testing.T) {
	t.Parallel()
	begun := make(chan int)
	done := make(chan struct{})
	var threads sync.WaitGroup
	defer threads.Wait()
	defer close(done)
	// Of two threads at the same time, one at most is the main one.
	for range 2 {
		threads.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			cmd := exec.Command("sleep", "60")
			if err := cmd.Start(); err != nil {
				begun <- 0
				return
			}
			begun <- cmd.Process.Pid
			<-done
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	one, other := <-begun, <-begun
	if all := childrenOf(os.Getpid()); one == 0 || other == 0 || !slices.Contains(all, one) || !slices.Contains(all, other) {
		t.Errorf("%v: want %d and %d, begun by two threads", all, one, other)
	}
}

// TestKillLibvirtd kills the host's libvirtd at every step of the plugin, in a
// lab of its own; it comes back a moment later.
func TestKillLibvirtd(t *testing.T) {
	t.Parallel()
	lab := ownLab(t, "1")
	script, err := filepath.Abs("../lab/kvm")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, home: t.TempDir(), lab: lab}
	w.settle([]string{"kvm1"})
	w.write("plugin.run", fmt.Sprintf("export MESON_LAB_DIR=%s; %s crash kvm1; %s restart kvm1", lab["MESON_LAB_STATE"], script, script))

	struck := 0
	for n, more := 1, true; more; n++ {
		name := fmt.Sprintf("libvirtd-%d", n)
		w.order("plugin", n)
		w.meson("deploy", w.spec, "--cheapest", "--name", name, "--timeout", "30s")
		if more = !w.pending("plugin"); more {
			struck++
		}
		w.settled(t, fmt.Sprintf("libvirtd killed at step %d of deploy", n), name)
		if w.state(name) == "running" {
			w.order("plugin", n)
			w.meson("rm", name)
			w.pending("plugin")
			w.settled(t, fmt.Sprintf("libvirtd killed at step %d of rm", n), name)
			w.must("rm", name)
		}
		if got := w.truth(); got != 0 {
			t.Fatalf("libvirtd killed at step %d: %d machines after rm", n, got)
		}
	}
	if struck < 6 {
		t.Errorf("libvirtd was killed at %d steps, want at least 6", struck)
	}
}

// TestKillBoth kills the broker and its plugin together at every step of the
// plugin. What is taken over then is a whole machine: one that was switched off
// is known as such, and starts again.
func TestKillBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kvm1", "kvm2")
	w.write("plugin.run", "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat) $PPID")
	struck := 0
	for n, more := 1, true; more; n++ {
		name := fmt.Sprintf("both-%d", n)
		w.order("plugin", n)
		w.meson("deploy", w.spec, "--cheapest", "--name", name)
		if more = !w.pending("plugin"); more {
			struck++
		}
		when := fmt.Sprintf("broker and plugin killed at step %d of deploy", n)
		w.settled(t, when, name)
		if w.state(name) == "running" {
			w.must("stop", name, "--hard")
			if got := w.state(name); got != "stopped" {
				t.Errorf("%s: stopped after that, it is %s", when, got)
			}
			w.must("start", name)
		}
		w.must("rm", name)
		if got := w.truth(); got != 0 {
			t.Fatalf("%s: %d machines after rm", when, got)
		}
	}
	if struck < 6 {
		t.Errorf("killed at %d steps, want at least 6", struck)
	}
}
