package target

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// kill ends the volume's daemon as a crash does, and says which it was.
func kill(t *testing.T, h *Host, key string) int {
	t.Helper()
	p, err := findProcess(filepath.Join(h.dir, key))
	if err != nil || p == nil {
		t.Fatalf("no daemon: %v", err)
	}
	defer p.close()
	if err := p.kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.pid
}

// tgtd is killed again and again under writes. Ensure makes it as it was, and the
// initiator goes on without an error: no answered write is lost.
func TestKilledUnderWrites(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v, history := testHost(t), testVolume(t, 4<<20), targettest.NewHistory()
	before := ensure(t, h, v)
	in := targettest.MustConnect(t, v.login(0))
	w := targettest.Write(t, in.Disk, history, 1)
	for range 3 {
		pid := kill(t, h, v.Key)
		killed := time.Now()
		after := ensure(t, h, v)
		ready := time.Since(killed)
		if after.Pid == pid || after.Portals[0] != before.Portals[0] || after.Targets[0].IQN != before.Targets[0].IQN {
			t.Errorf("it came back as %+v, was %+v", after, before)
		}
		w.GoesOn(t, 200)
		t.Logf("ready again after %s, written again after %s", ready.Round(time.Millisecond), time.Since(killed).Round(time.Millisecond))
	}
	w.Finish(t)
	history.MustBeRight(t, v.Image)
}

// The image grows under writes: the initiator notices a pause, no error.
func TestGrownUnderWrites(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v, history := testHost(t), testVolume(t, 4<<20), targettest.NewHistory()
	old := ensure(t, h, v)
	in := targettest.MustConnect(t, v.login(0))
	w := targettest.Write(t, in.Disk, history, 1)
	if err := os.Truncate(v.Image, 8<<20); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Status(t.Context(), v.Key); err != nil || !s.Stale {
		t.Errorf("the daemon of a grown image is not stale: %+v, %v", s, err)
	}
	// Locks are passed on: nobody is asked for new ones.
	locks := v.Locks
	v.Locks = func(context.Context) ([]*os.File, error) { return nil, errors.New("asked for locks") }
	s := ensure(t, h, v)
	if s.Stale || s.Pid == old.Pid {
		t.Errorf("after that it is %+v", s)
	}
	if held, err := Locked(filepath.Join(filepath.Dir(v.Image), "lock")); err != nil || !held {
		t.Errorf("the lock was let go of: %v, %v", held, err)
	}
	w.GoesOn(t, 200)
	w.Finish(t)
	history.MustBeRight(t, v.Image)
	if again := targettest.MustConnect(t, v.login(0)); again.Size != 8<<20 {
		t.Errorf("the disk has %d bytes, want %d", again.Size, 8<<20)
	}
	// A second time there is nothing to do, and the new daemon inherited all.
	if same := ensure(t, h, v); same.Pid != s.Pid {
		t.Error("an Ensure that had nothing to do started it again")
	}
	if _, err := locks(t.Context()); err == nil {
		t.Error("the locks could be taken while it runs")
	}
}

// A frozen writer is fenced, another takes over, the frozen one wakes and would
// go on where it was: none of its blocks lands.
func TestFrozenWriterWakesAfterTheTakeover(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v, history := testHost(t), testVolume(t, 4<<20), targettest.NewHistory()
	ensure(t, h, v)
	for epoch := uint64(1); epoch <= 3; epoch++ {
		in := targettest.MustConnect(t, v.login(0))
		w := targettest.Write(t, in.Disk, history, epoch)
		in.Freeze()
		// What it had sent and nobody has read yet is in the daemon's sockets.
		start := time.Now()
		if err := h.Fence(t.Context(), v.Key, v.Targets[0].IQN); err != nil {
			t.Fatal(err)
		}
		t.Logf("fenced after %s", time.Since(start).Round(100*time.Microsecond))
		if err := history.Fenced(epoch, v.Image); err != nil {
			t.Fatal(err)
		}
		v.Targets = []Target{testTarget(epoch+1, "a"+string(rune('1'+epoch)))}
		ensure(t, h, v)
		in.Thaw()
		w.Stop()
	}
	in := targettest.MustConnect(t, v.login(0))
	w := targettest.Write(t, in.Disk, history, 4)
	// The old ones try to log in again meanwhile.
	time.Sleep(2 * time.Second)
	w.Finish(t)
	history.MustBeRight(t, v.Image)
}

// Why names are used once: where a fenced target comes back under its name and
// password, the woken writer replays its queue, and the check finds it.
func TestReadmittedWriterIsFound(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v, history := testHost(t), testVolume(t, 4<<20), targettest.NewHistory()
	ensure(t, h, v)
	in := targettest.MustConnect(t, v.login(0))
	w := targettest.Write(t, in.Disk, history, 1)
	if err := h.Fence(t.Context(), v.Key, v.Targets[0].IQN); err != nil {
		t.Fatal(err)
	}
	if err := history.Fenced(1, v.Image); err != nil {
		t.Fatal(err)
	}
	ensure(t, h, v)
	w.GoesOn(t, 10)
	w.Finish(t)
	if len(history.Check(v.Image, false)) == 0 {
		t.Error("replayed writes were not found: the check sees nothing")
	}
}

// A daemon that hangs is killed by a fence, and started anew by Ensure.
func TestHangingDaemon(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	h.answer = time.Second
	freeze := func() int {
		p, err := findProcess(filepath.Join(h.dir, v.Key))
		if err != nil || p == nil {
			t.Fatal(p, err)
		}
		defer p.close()
		signal(t, p, unix.SIGSTOP)
		return p.pid
	}
	ensure(t, h, v)
	pid := freeze()
	s := ensure(t, h, v)
	if s.Pid == pid {
		t.Error("it still is the one that hangs")
	}
	if err := inquire(t, v.login(0)); err != nil {
		t.Error(err)
	}
	freeze()
	if err := h.Fence(t.Context(), v.Key, v.Targets[0].IQN); err != nil {
		t.Error(err)
	}
	if s, err := h.Status(t.Context(), v.Key); s != nil || err != nil {
		t.Errorf("after a fence that had to kill there is %+v, %v", s, err)
	}
}
