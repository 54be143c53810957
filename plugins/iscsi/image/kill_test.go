package image

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childEnv makes the test binary a caller of the engine that dies at a step.
const childEnv = "MESON_IMAGE_TEST_CHILD"

// task is what the child does, given on its standard input.
type task struct {
	Volume  Volume
	Run     string
	Change  Change
	DieAt   string
	DieKind string
	// Conclude has the change concluded instead of done.
	Conclude bool
}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	os.Exit(child())
}

func child() int {
	var work task
	if err := json.NewDecoder(os.Stdin).Decode(&work); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	e := New(Options{Step: func(name string) {
		if name == work.DieAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	work.Volume.Daemon = nil
	if work.Run != "" {
		if work.Volume.Daemon, err = e.Find(ctx, work.Run); err == nil && work.Volume.Daemon == nil && work.Change.ID != "" {
			err = fmt.Errorf("no daemon")
		}
	}
	if err == nil && work.Conclude {
		_, _, err = e.Conclude(ctx, work.Volume, work.Change)
	} else if err == nil && work.Change.ID != "" {
		_, err = e.Do(ctx, work.Volume, work.Change)
	} else if err == nil {
		_, err = e.Serve(ctx, work.Volume, ServeOptions{Dir: work.Run})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// die runs a change in a child that is killed at a step.
func (d *disk) die(c Change, step string) {
	d.tb.Helper()
	d.dieAt(task{Change: c, DieAt: step})
}

func (d *disk) dieAt(work task) {
	d.tb.Helper()
	step, c := work.DieAt, work.Change
	work.Volume = d.Volume
	work.Volume.Daemon = nil
	if d.Daemon != nil || c.ID == "" {
		work.Run = d.options.Dir
	}
	b, err := json.Marshal(work)
	if err != nil {
		d.tb.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stdin = strings.NewReader(string(b))
	out, err := cmd.CombinedOutput()
	if state := cmd.ProcessState; state == nil || !state.Sys().(syscall.WaitStatus).Signaled() {
		d.tb.Fatalf("the child was to die at %s: %v\n%s", step, err, out)
	}
}

// TestKilledChanges kills the caller at every step of every change, twice, on
// running and resting volumes, with and without the loss of the daemon, and
// repeats the change: nothing that was acknowledged is lost, nothing is left over.
func TestKilledChanges(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	replaced := []string{"begun", "built", "ready", "replaced"}
	for _, x := range []struct {
		name    string
		change  Change
		steps   []string
		running bool
	}{
		{"snapshot", Change{Op: OpSnapshot, Layer: "s3"}, append([]string{"linked"}, replaced...), false},
		{"live snapshot", Change{Op: OpSnapshot, Layer: "s3"}, append([]string{"linked", "switched"}, replaced...), true},
		{"revert", Change{Op: OpRevert, Layer: "s1"}, replaced, false},
		{"convert to raw", Change{Op: OpConvert, Format: Raw}, replaced, false},
		{"convert to qcow2", Change{Op: OpConvert, Format: QCOW2}, replaced, false},
		{"resize", Change{Op: OpResize, SizeBytes: 16 << 20}, []string{"begun"}, false},
		{"live resize", Change{Op: OpResize, SizeBytes: 16 << 20}, []string{"begun"}, true},
		{"pull", Change{Op: OpPull, Base: "s1"}, []string{"begun", "pulled"}, false},
		{"pull frozen", Change{Op: OpPull, Layer: "s2", Base: ""}, replaced, false},
		{"live pull frozen", Change{Op: OpPull, Layer: "s2", Base: ""}, append([]string{"swapped"}, replaced...), true},
		{"live pull below", Change{Op: OpPull, Layer: "s1", Base: ""}, []string{"replaced", "swapped"}, true},
		{"push", Change{Op: OpPush, Layer: "s1", Child: "s2"}, []string{"begun", "pushing", "pushed", "renamed"}, false},
		{"live push", Change{Op: OpPush, Layer: "s1", Child: "s2"}, []string{"begun", "pushing", "pushed", "renamed"}, true},
		{"push active", Change{Op: OpPush, Layer: "s2"}, []string{"begun", "pushing", "pushed", "renamed"}, false},
	} {
		for _, step := range x.steps {
			for _, lost := range []bool{false, true} {
				if lost && !x.running {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/lost=%v", x.name, step, lost), func(t *testing.T) {
					t.Parallel()
					killed(t, e, x.change, step, x.running, lost)
				})
			}
		}
	}
}

func killed(t *testing.T, e *Engine, c Change, step string, running, lost bool) {
	format := QCOW2
	if c.Op == OpSnapshot {
		format = Raw
	}
	d := newDisk(t, e, format, 8<<20)
	for i, id := range []string{"s0", "s1", "s2"} {
		d.write(uint64(i), byte(i+1))
		d.write(9, byte(i+1))
		d.do(Change{Op: OpSnapshot, Layer: id})
	}
	d.write(9, 9)
	if c.Op == OpPush {
		d.Layout = d.Layout.Forgotten(c.Layer)
	}
	if running {
		d.serve()
	}
	c.ID = "killed"
	d.die(c, step)
	if running {
		// The machine goes on meanwhile.
		d.write(20, 20)
	}
	if lost {
		if err := d.Daemon.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.Daemon = nil
	}
	if !lost || step != "switched" {
		// Killed once more, wherever that step comes again.
		if again := map[string]string{"linked": "linked", "begun": "begun", "built": "built", "pushing": "begun"}[step]; again != "" {
			d.die(c, again)
		}
	}
	next, err := e.Do(t.Context(), d.Volume, c)
	if err != nil {
		t.Fatal(err)
	}
	d.applied(c, next)
	if err := e.Tidy(d.Dir); err != nil {
		t.Fatal(err)
	}
	d.check("after the change")
	d.write(21, 21)
	d.wellFormed()
	d.stop()
	d.check("served anew")
	d.wellFormed()
	for _, x := range d.Layout.Layers {
		dir := t.TempDir()
		layout, err := e.Copy(t.Context(), d.Volume, dir, CopyOptions{Layer: x.ID})
		if err != nil {
			t.Fatal(err)
		}
		copied := wrap(t, e, Volume{Dir: dir, Layout: layout})
		copied.holds = d.layers[x.ID]
		if running && x.ID == "s3" {
			// The instant may have been before that write or after it.
			copied.with(func(nbd *nbd) {
				b := make([]byte, 1)
				if err := nbd.do(nbdRead, 20*blockBytes, b); err != nil || b[0] != 0 && b[0] != 20 {
					t.Fatal(b, err)
				}
				copied.holds[20] = b[0]
			})
		}
		copied.check("layer " + x.ID)
	}
}

// TestKilledServe kills the caller between the daemon's start and its record: it
// is found, not started twice.
func TestKilledServe(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), QCOW2, 8<<20)
	d.die(Change{}, "started")
	eventually(t, "found", func() bool {
		found, err := d.e.Find(t.Context(), d.options.Dir)
		return err == nil && found != nil
	})
	first, err := d.e.Find(t.Context(), d.options.Dir)
	if err != nil {
		t.Fatal(err)
	}
	d.serve()
	if d.Daemon.Process() != first.Process() {
		t.Errorf("process %d, want that of before, %d", d.Daemon.Process(), first.Process())
	}
	d.check("found")
	if matches, _ := filepath.Glob(filepath.Join(d.options.Dir, "*.new")); len(matches) > 0 {
		t.Errorf("left over: %v", matches)
	}
}
