package vault

import (
	"bytes"
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

	"github.com/mesoncloud/meson/sdk"
)

// job is what a child process of a test does, in a process of its own because it is
// killed, or because locks between processes are what is tested.
type job struct {
	Root string
	// Do is create, use, end, delete, resize, secret or wait.
	Do string
	ID string
	// Times is how often, with -0, -1, … after the ID.
	Times int
	// DieAt kills the process before the step of that number, from 1; 0: never.
	DieAt int
	// Hold is how long a build takes.
	Hold time.Duration
}

// spawn starts a child.
func spawn(t testing.TB, j job) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "MESON_VAULT_CHILD="+string(text))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// wait is what the child said, and the step at which it was killed, if it was.
func wait(t testing.TB, cmd *exec.Cmd, out *bytes.Buffer) (lines []string, killed string) {
	t.Helper()
	err := cmd.Wait()
	lines = strings.Split(strings.TrimSpace(out.String()), "\n")
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
		return lines, strings.TrimPrefix(lines[len(lines)-1], "dies at ")
	}
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	return lines, ""
}

// child does a job and prints "ok", or the kind of error, for each time.
func child(text string) int {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fmt.Println(err)
		return 2
	}
	step := 0
	v, err := Open(context.Background(), Options{Root: j.Root, LockWait: time.Minute, Step: func(name string) {
		if step++; step == j.DieAt {
			fmt.Println("dies at " + name)
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	if err != nil {
		fmt.Println(err)
		return 2
	}
	for i := range max(j.Times, 1) {
		id := j.ID
		if j.Times > 0 {
			id = fmt.Sprintf("%s-%d", j.ID, i)
		}
		err := j.once(context.Background(), v, id)
		switch kind := sdk.KindOf(err); kind {
		case "":
			fmt.Println("ok")
		case sdk.Busy, sdk.Exhausted:
			fmt.Println(kind)
		default:
			fmt.Println(err)
		}
	}
	return 0
}

// victim is the volume that children work on.
const victim = "00000000-victim"

func (j job) once(ctx context.Context, v *Vault, id string) error {
	ref := Ref{ID: victim}
	var err error
	switch j.Do {
	case "create", "create-shareable":
		n := small(id)
		n.ID = id
		if n.Meta.Shareable = j.Do == "create-shareable"; n.Meta.Shareable {
			n.Format = ""
		}
		_, err = v.Create(ctx, n, func(ctx context.Context, b *Build) error {
			if err := blank(ctx, b); err != nil {
				return err
			}
			v.step("half filled")
			time.Sleep(j.Hold)
			return nil
		})
	case "use":
		_, _, err = v.BeginUse(ctx, ref, writer(id))
	case "end":
		_, err = v.EndUse(ctx, ref, id, func(context.Context, Use) error { v.step("fencing"); return nil })
	case "delete":
		_, err = v.Delete(ctx, ref, "b1")
	case "rename":
		_, err = v.Rename(ctx, ref, "new name")
	case "resize":
		_, err = v.Resize(ctx, ref, 2*Step, func(_ context.Context, h *Held) error {
			v.step("growing")
			return os.Truncate(h.Volume().Data(), 2*Step)
		})
	case "scan":
		var all []*Volume
		all, err = v.List(ctx)
		fmt.Println(len(all), "volumes", v.Faults())
	case "read":
		err = v.Hold(ctx, ref, func(_ context.Context, h *Held) error {
			r, err := h.Read("a test", h.Volume().DataFile)
			if err != nil {
				return err
			}
			defer r.End()
			v.step("reading")
			scratch, err := r.Scratch()
			if err == nil {
				err = os.WriteFile(scratch+"/large", make([]byte, 1<<20), 0o600)
			}
			v.step("still reading")
			return err
		})
	case "yield":
		err = v.Yielding(ctx, ref, func(ctx context.Context, _ *Held) error {
			_ = os.WriteFile(filepath.Join(v.Root(), ".working"), nil, 0o600)
			<-ctx.Done()
			if context.Cause(ctx) != ErrWanted {
				return context.Cause(ctx)
			}
			return nil
		})
	case "secret":
		_, err = v.Secret(ctx, ref, id)
	default:
		err = fmt.Errorf("no such job: %s", j.Do)
	}
	return err
}
