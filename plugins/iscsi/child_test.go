package iscsi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// childEnv makes the test binary another process than a test: the plugin, its
// resident part, or a broker that works without one.
const childEnv = "MESON_ISCSI_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "plugin":
		os.Exit(Main())
	case "broker":
		os.Exit(childBroker())
	}
}

// task is what a child does, given on its standard input.
type task struct {
	Settings string
	// Calls are done one after the other.
	Calls []wiredCall
	// AtOnce has all calls done at once, and each printed with the kind of its error.
	AtOnce bool
	// DieAt is the step at which the process kills itself; Die which time, from 1.
	DieAt string
	Die   int
	// Slow has merges take minutes, and half a second pass between the calls.
	Slow bool
	// Go is a file: the child begins when it is there.
	Go string
}

// wiredCall is a request in its wire form.
type wiredCall struct {
	Name    string
	Request []byte
}

func callOf(m proto.Message) wiredCall {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return wiredCall{string(m.ProtoReflect().Descriptor().Name()), b}
}

func childBroker() int {
	var work task
	if err := json.NewDecoder(os.Stdin).Decode(&work); err != nil {
		return complain(err)
	}
	config, err := sdk.DecodeConfig[Config]([]byte(work.Settings), nil)
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := open(ctx, "v", config, slog.New(slog.NewTextHandler(os.Stderr, nil)), hooks, nil)
	if err != nil {
		return complain(err)
	}
	if work.Slow {
		p.store.images = slowEngine("qemu-img", hooks.Step)
	}
	for work.Go != "" {
		if _, err := os.Stat(work.Go); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	var wg sync.WaitGroup
	for i, c := range work.Calls {
		if work.AtOnce {
			wg.Go(func() { fmt.Printf("%d %s\n", i, sdk.KindOf(c.do(ctx, p))) })
			continue
		}
		if err := c.do(ctx, p); err != nil {
			return complain(err)
		}
		if work.Slow {
			time.Sleep(500 * time.Millisecond)
		}
	}
	wg.Wait()
	if err := p.Close(ctx); err != nil {
		return complain(err)
	}
	return 0
}

func complain(err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", sdk.KindOf(err), err)
	return 1
}

func unwire[T proto.Message](b []byte, m T) T {
	if err := proto.Unmarshal(b, m); err != nil {
		panic(err)
	}
	return m
}

func (c wiredCall) do(ctx context.Context, p *Provider) (err error) {
	switch c.Name {
	case "CreateVolumeRequest":
		var v *pb.Volume
		for v.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE && err == nil {
			v, err = p.CreateVolume(ctx, unwire(c.Request, &pb.CreateVolumeRequest{}))
		}
	case "DeleteVolumeRequest":
		err = p.DeleteVolume(ctx, unwire(c.Request, &pb.DeleteVolumeRequest{}))
	case "ExportRequest":
		_, err = p.Export(ctx, unwire(c.Request, &pb.ExportRequest{}))
	case "UnexportRequest":
		err = p.Unexport(ctx, unwire(c.Request, &pb.UnexportRequest{}))
	case "CreateSnapshotRequest":
		_, err = p.CreateSnapshot(ctx, unwire(c.Request, &pb.CreateSnapshotRequest{}))
	case "DeleteSnapshotRequest":
		err = p.DeleteSnapshot(ctx, unwire(c.Request, &pb.DeleteSnapshotRequest{}))
	case "RevertVolumeRequest":
		_, err = p.RevertVolume(ctx, unwire(c.Request, &pb.RevertVolumeRequest{}))
	case "ResizeVolumeRequest":
		_, err = p.ResizeVolume(ctx, unwire(c.Request, &pb.ResizeVolumeRequest{}))
	case "RenameVolumeRequest":
		_, err = p.RenameVolume(ctx, unwire(c.Request, &pb.RenameVolumeRequest{}))
	case "ConvertVolumeRequest":
		req := unwire(c.Request, &pb.ConvertVolumeRequest{})
		for v := (*pb.Volume)(nil); v.GetFormat() != req.GetFormat() && err == nil; {
			v, err = p.ConvertVolume(ctx, req)
		}
	case "ExportVolumeRequest":
		err = p.ExportVolume(ctx, unwire(c.Request, &pb.ExportVolumeRequest{}), func(uint64) error { return nil }, io.Discard)
	case "UnlockVolumeRequest":
		_, err = p.UnlockVolume(ctx, unwire(c.Request, &pb.UnlockVolumeRequest{}))
	default:
		err = fmt.Errorf("no call %s", c.Name)
	}
	return err
}

// child is a process of the test binary that does a task.
type child struct {
	cmd      *exec.Cmd
	out, err strings.Builder
}

// startChild starts one, under a program that starts others if there is one.
func startChild(tb testing.TB, work task, under ...string) *child {
	tb.Helper()
	in, err := json.Marshal(work)
	if err != nil {
		tb.Fatal(err)
	}
	args := append(under, os.Args[0])
	c := &child{cmd: exec.Command(args[0], args[1:]...)}
	c.cmd.Env = append(os.Environ(), childEnv+"=broker")
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = strings.NewReader(string(in)), &c.out, &c.err
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

// resident is the plugin serving on a socket.
type resident struct {
	t      *testing.T
	socket string
	args   []string
	// under is a program that starts it.
	under []string
	cmd   *exec.Cmd
}

func (r *resident) start(ctx context.Context) (*sdk.Client, error) {
	line := slices.Concat(r.under, []string{os.Args[0], "serve", "--listen", "unix:" + r.socket}, r.args)
	r.cmd = exec.Command(line[0], line[1:]...)
	r.cmd.Env = append(os.Environ(), childEnv+"=plugin")
	log, err := os.OpenFile(filepath.Join(filepath.Dir(r.socket), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd.Stderr = log
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	c := sdktest.Dial(r.t, r.socket)
	for range 1000 {
		if _, err := c.Describe(ctx); err == nil {
			return c, nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil, fmt.Errorf("the plugin does not answer on %s", r.socket)
}

func (r *resident) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}
