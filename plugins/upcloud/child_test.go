package upcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// childEnv makes the test binary another process than a test: the plugin, or a
// broker that works without one.
const childEnv = "MESON_UPCLOUD_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "plugin":
		os.Exit(sdk.Main(hastyDefinition()))
	case "broker":
		os.Exit(childBroker())
	}
}

// hastyDefinition is the plugin with hasty providers.
func hastyDefinition() sdk.Definition[Config, *Provider] {
	d := Definition(Hooks{})
	d.ConsistencyWindow = 100 * time.Millisecond
	open := d.Open
	d.Open = func(ctx context.Context, name string, config *Config, log *slog.Logger) (*Provider, error) {
		p, err := open(ctx, name, config, log)
		if err == nil {
			hasty(p)
		}
		return p, err
	}
	return d
}

// task is what a child does, given on its standard input.
type task struct {
	// Settings are the provider's.
	Settings string
	// Create, Delete, Power, Attach and Detach are done one after the other, as far
	// as they are there, in their wire form.
	Create, Power, Attach, Detach, Delete []byte
	// CreateVolume, Export, Unexport and DeleteVolume are those of a volume.
	CreateVolume, Export, Unexport, DeleteVolume []byte
	// Those of a volume's size and snapshots, and of an image.
	Resize, Snapshot, Revert, DeleteSnapshot, Image, DeleteImage []byte
	// DieAt is the step at which the process kills itself; Die which time, from 1.
	DieAt string
	Die   int
}

func childBroker() int {
	var work task
	if err := json.NewDecoder(os.Stdin).Decode(&work); err != nil {
		return complain(err)
	}
	config, err := sdk.DecodeConfig[Config]([]byte(work.Settings), map[string][]byte{"token": []byte(testToken)})
	if err != nil {
		return complain(err)
	}
	hooks := Hooks{Step: func(name string) {
		if name != work.DieAt {
			return
		}
		if work.Die--; work.Die > 0 {
			return
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}}
	p, err := open("up", config, slog.New(slog.NewTextHandler(os.Stderr, nil)), hooks)
	if err != nil {
		return complain(err)
	}
	hasty(p)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := work.do(ctx, p); err != nil {
		return complain(err)
	}
	return 0
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func (work *task) do(ctx context.Context, p *Provider) error {
	for len(work.Create) > 0 {
		in, err := p.Create(ctx, unwire(work.Create, &pb.CreateRequest{}))
		if err != nil {
			return err
		}
		if in.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING {
			break
		}
	}
	if len(work.Power) > 0 {
		if _, err := p.SetPower(ctx, unwire(work.Power, &pb.SetPowerRequest{})); err != nil {
			return err
		}
	}
	if len(work.Attach) > 0 {
		if _, err := p.Attach(ctx, unwire(work.Attach, &pb.AttachRequest{})); err != nil {
			return err
		}
	}
	if len(work.Detach) > 0 {
		if _, err := p.Detach(ctx, unwire(work.Detach, &pb.DetachRequest{})); err != nil {
			return err
		}
	}
	if len(work.Delete) > 0 {
		return p.Delete(ctx, unwire(work.Delete, &pb.DeleteRequest{}))
	}
	return work.doVolume(ctx, p)
}

func (work *task) doVolume(ctx context.Context, p *Provider) error {
	for len(work.CreateVolume) > 0 {
		v, err := p.CreateVolume(ctx, unwire(work.CreateVolume, &pb.CreateVolumeRequest{}))
		if err != nil && !passing(err) {
			return err
		}
		if v.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE {
			break
		}
	}
	if len(work.Export) > 0 {
		if _, err := p.Export(ctx, unwire(work.Export, &pb.ExportRequest{})); err != nil {
			return err
		}
	}
	if len(work.Unexport) > 0 {
		if err := p.Unexport(ctx, unwire(work.Unexport, &pb.UnexportRequest{})); err != nil {
			return err
		}
	}
	if len(work.DeleteVolume) > 0 {
		return p.DeleteVolume(ctx, unwire(work.DeleteVolume, &pb.DeleteVolumeRequest{}))
	}
	return work.doAbilities(ctx, p)
}

func (work *task) doAbilities(ctx context.Context, p *Provider) error {
	if len(work.Resize) > 0 {
		if _, err := p.ResizeVolume(ctx, unwire(work.Resize, &pb.ResizeVolumeRequest{})); err != nil {
			return err
		}
	}
	// done repeats what takes its time.
	done := func(once func() (pb.VolumeState, error)) error {
		for {
			state, err := once()
			if err != nil && !passing(err) {
				return err
			}
			if state == pb.VolumeState_VOLUME_STATE_AVAILABLE {
				return nil
			}
		}
	}
	var err error
	if len(work.Snapshot) > 0 {
		err = done(func() (pb.VolumeState, error) {
			s, err := p.CreateSnapshot(ctx, unwire(work.Snapshot, &pb.CreateSnapshotRequest{}))
			return s.GetState(), err
		})
	}
	if len(work.Revert) > 0 && err == nil {
		err = done(func() (pb.VolumeState, error) {
			v, err := p.RevertVolume(ctx, unwire(work.Revert, &pb.RevertVolumeRequest{}))
			return v.GetState(), err
		})
	}
	if len(work.DeleteSnapshot) > 0 && err == nil {
		err = p.DeleteSnapshot(ctx, unwire(work.DeleteSnapshot, &pb.DeleteSnapshotRequest{}))
	}
	if len(work.Image) > 0 && err == nil {
		err = done(func() (pb.VolumeState, error) {
			i, err := p.ImportImage(ctx, unwire(work.Image, &pb.ImportImageRequest{}))
			return i.GetState(), err
		})
	}
	if len(work.DeleteImage) > 0 && err == nil {
		err = p.DeleteImage(ctx, unwire(work.DeleteImage, &pb.DeleteImageRequest{}))
	}
	return err
}

func wired(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func unwire[T proto.Message](b []byte, m T) T {
	if err := proto.Unmarshal(b, m); err != nil {
		panic(err)
	}
	return m
}

// child is a process of the test binary that does a task.
type child struct {
	cmd *exec.Cmd
	err strings.Builder
}

func startChild(tb testing.TB, work task) *child {
	tb.Helper()
	in, err := json.Marshal(work)
	if err != nil {
		tb.Fatal(err)
	}
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"=broker")
	c.cmd.Stdin, c.cmd.Stderr = strings.NewReader(string(in)), &c.err
	if err := c.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return c
}

// wait reports whether the child has killed itself; any other end than that and
// success fails the test.
func (c *child) wait(tb testing.TB) (killed bool) {
	tb.Helper()
	err := c.cmd.Wait()
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return true
	}
	if err != nil {
		tb.Fatalf("child: %v\n%s", err, c.err.String())
	}
	return false
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_, _ = c.cmd.Process.Wait()
}
