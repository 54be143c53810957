package kvm

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

func conformance(t *testing.T, l lab) sdktest.Target {
	t.Helper()
	config, err := json.Marshal(l.config("boot", l.hosts()...))
	if err != nil {
		t.Fatal(err)
	}
	big := bootPledge()
	big.MemoryMib = 1 << 24
	return sdktest.Target{
		Config: string(config), Fits: bootPledge(), TooBig: big, Login: &pb.Login{Hostname: "conformance"},
		File: func(_ context.Context, machine *pb.Instance, bytes uint64) (*pb.FileConnection, func() (uint64, error), error) {
			path := blank(t, "", int64(bytes))
			size := func() (uint64, error) {
				st, err := os.Stat(path)
				if err != nil {
					return 0, err
				}
				return uint64(st.Size()), nil
			}
			return &pb.FileConnection{Host: machine.GetConsumer().GetHost(), File: path, Format: "raw"}, size, nil
		},
	}
}

func TestConformanceAsValue(t *testing.T) {
	t.Parallel()
	target := conformance(t, theLab(t))
	p := sdktest.FromDefinition(Definition(Hooks{}), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = p.Drain(context.Background()) })
	target.Connect = func(context.Context) (sdktest.Plugin, error) { return p, nil }
	sdktest.Run(t, target)
}

func TestConformanceAsProcess(t *testing.T) {
	t.Parallel()
	target := conformance(t, theLab(t))
	r := &resident{t: t, socket: filepath.Join(t.TempDir(), "s")}
	target.Connect = r.start
	// TestKill does it at every step; here it is the whole plugin that dies.
	target.KillAfter = []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond}
	target.KillAndRestart = func(ctx context.Context) (sdktest.Plugin, error) {
		r.kill()
		return r.start(ctx)
	}
	t.Cleanup(r.kill)
	sdktest.Run(t, target)
}

// resident is the plugin serving on a socket.
type resident struct {
	t      *testing.T
	socket string
	cmd    *exec.Cmd
}

func (r *resident) start(ctx context.Context) (sdktest.Plugin, error) {
	r.cmd = exec.Command(os.Args[0], "serve", "--listen", "unix:"+r.socket)
	r.cmd.Env = append(os.Environ(), childEnv+"=plugin")
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	c := sdktest.Dial(r.t, r.socket)
	for range 500 {
		if _, err := c.Describe(ctx); err == nil {
			return sdktest.FromClient(c), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil, fmt.Errorf("the plugin does not answer on %s", r.socket)
}

func (r *resident) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// The definition itself is sound: what an author can get wrong in it is found
// before anybody is served.
func TestDefinition(t *testing.T) {
	if err := sdk.NewServer(Definition(Hooks{}), slog.New(slog.DiscardHandler)).Fault(); err != nil {
		t.Fatal(err)
	}
}
