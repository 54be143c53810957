package upcloud

import (
	"context"
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

// conforming is the emulator as a target of the suite.
func conforming(t *testing.T) (*cloud, sdktest.Target) {
	t.Helper()
	c := newCloud(t, quick())
	t.Cleanup(func() { c.empty(t) })
	big := with(nil).GetPledge()
	big.MemoryMib = 1 << 24
	return c, sdktest.Target{
		Config: settings(t, c.url, nil), Secrets: map[string][]byte{"token": []byte(testToken)},
		Fits: with(nil).GetPledge(), TooBig: big,
		Volume: &pb.VolumeSpec{SizeBytes: 10 << 30}, VolumeTooBig: &pb.VolumeSpec{SizeBytes: 1 << 50},
		From:  []*pb.Consumer{{Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NATIVE}, Provider: "conformance", Zone: "fi-hel1"}},
		Login: &pb.Login{Hostname: "conformance", SshKeys: []string{"ssh-ed25519 AAAA ann@home"}},
	}
}

func TestConformanceAsValue(t *testing.T) {
	t.Parallel()
	_, target := conforming(t)
	p := sdktest.FromDefinition(hastyDefinition(), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = p.Drain(context.Background()) })
	target.Connect = func(context.Context) (sdktest.Plugin, error) { return p, nil }
	sdktest.Run(t, target)
}

func TestConformanceOverGRPC(t *testing.T) {
	t.Parallel()
	_, target := conforming(t)
	c := sdktest.Serve(t, sdk.NewServer(hastyDefinition(), slog.New(slog.DiscardHandler)))
	target.Connect = func(context.Context) (sdktest.Plugin, error) { return sdktest.FromClient(c), nil }
	sdktest.Run(t, target)
}

func TestConformanceAsProcess(t *testing.T) {
	t.Parallel()
	_, target := conforming(t)
	r := &resident{t: t, socket: filepath.Join(t.TempDir(), "s")}
	describe := exec.Command(os.Args[0], "describe")
	describe.Env = append(os.Environ(), childEnv+"=plugin")
	var err error
	if target.DescribeJSON, err = describe.Output(); err != nil {
		t.Fatal(err)
	}
	target.Connect = r.start
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
	for range 1000 {
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
