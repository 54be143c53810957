package image

import (
	"syscall"
	"testing"
)

// Whether a daemon has ended in order is known from its directory, of that very process
// alone, and whatever is done there next; nothing that is missing says so.
func TestEndedWell(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	for name, x := range map[string]struct {
		end  func(*disk) error
		want bool
	}{
		"asked":               {func(d *disk) error { return d.Daemon.Stop(t.Context()) }, true},
		"SIGTERM":             {func(d *disk) error { return syscall.Kill(d.Daemon.Process(), syscall.SIGTERM) }, true},
		"SIGKILL":             {func(d *disk) error { return syscall.Kill(d.Daemon.Process(), syscall.SIGKILL) }, false},
		"killed":              {func(d *disk) error { return d.Daemon.Kill(t.Context()) }, false},
		"SIGKILL and cleaned": {func(d *disk) error { return d.killed(t) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, e, QCOW2, 8<<20)
			d.serve()
			d.write(1, 1)
			was, err := d.Daemon.Identity()
			if err != nil || !was.Runs() || EndedWell(d.options.Dir, was) {
				t.Fatalf("%+v, %v: want one that runs", was, err)
			}
			if err := x.end(d); err != nil {
				t.Fatal(err)
			}
			eventually(t, "gone", func() bool { return !was.Runs() })
			if got := EndedWell(d.options.Dir, was); got != x.want {
				t.Errorf("ended well: %v, want %v", got, x.want)
			}
			other := was
			other.Start++
			if EndedWell(d.options.Dir, other) {
				t.Error("so did another process")
			}
			d.Daemon = nil
			d.check("served anew")
		})
	}
}

// killed ends the daemon by kill -9, and has its directory cleaned.
func (d *disk) killed(t *testing.T) error {
	t.Helper()
	at, err := d.Daemon.Identity()
	if err == nil {
		err = syscall.Kill(at.PID, syscall.SIGKILL)
	}
	if err != nil {
		return err
	}
	eventually(t, "gone", func() bool { return !at.Runs() })
	return d.e.Clear(d.options.Dir)
}
