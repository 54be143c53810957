package sdktest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func fitting() *pb.Pledge {
	return &pb.Pledge{Slots: 2, Overprovision: 3, AllowSmt: true, MemoryMib: 1024, BootDiskGib: 10, Archs: []string{"x86_64"}}
}

func tooBig() *pb.Pledge {
	return &pb.Pledge{Slots: 200, AllowSmt: true, MemoryMib: 1024, BootDiskGib: 10}
}

// memConfig is of two zones: zone-a is cheaper for hours, zone-b for months.
const memConfig = `{"zones": [
	{"name": "zone-b", "core_price": "0.03", "billing": {"cap_hours": 400, "increment_seconds": 3600, "includes": [{"sku": "disk", "amount": "1"}]}},
	{"name": "zone-a"}], "boot": "20ms", "storage": {"exports": ["file", "iscsi", "nfs"]}, "machines": {"kinds": ["file", "iscsi", "nfs"]}}`

// reaching are a machine on the storage's own host and one elsewhere.
func reaching() []*pb.Consumer {
	kinds := []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_ISCSI}
	return []*pb.Consumer{
		{Kinds: kinds, Host: "mem-host", InitiatorIqn: "iqn.2026-01.dev.meson:host-a"},
		{Kinds: kinds, Host: "host-b", InitiatorIqn: "iqn.2026-01.dev.meson:host-b"},
	}
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func target(connect func(context.Context) (Plugin, error)) Target {
	return Target{
		Connect: connect, Config: memConfig, Secrets: map[string][]byte{"token": []byte("t0p\n")}, Fits: fitting(), TooBig: tooBig(),
		Volume: &pb.VolumeSpec{SizeBytes: 8 << 20}, VolumeTooBig: &pb.VolumeSpec{SizeBytes: 1 << 50}, From: reaching(),
		Image: &pb.ImageOrigin{Url: "https://images.example/debian.img", Sha256: MemImageSHA256("https://images.example/debian.img")},
	}
}

// withFiles lets machines of the provider in memory have files.
func withFiles(t *testing.T, target Target) Target {
	dir := t.TempDir()
	target.File = func(_ context.Context, _ *pb.Instance, bytes uint64) (*pb.FileConnection, func() (uint64, error), error) {
		path := filepath.Join(dir, attachmentID())
		size := func() (uint64, error) {
			st, err := os.Stat(path)
			if err != nil {
				return 0, err
			}
			return uint64(st.Size()), nil
		}
		return &pb.FileConnection{File: path, Format: "raw"}, size, os.WriteFile(path, make([]byte, bytes), 0o600)
	}
	return target
}

func TestMemAsValue(t *testing.T) {
	Run(t, withFiles(t, target(func(context.Context) (Plugin, error) { return FromDefinition(Mem(), quietLog()), nil })))
}

func TestMemOverGRPC(t *testing.T) {
	c := Serve(t, sdk.NewServer(Mem(), quietLog()))
	Run(t, withFiles(t, target(func(context.Context) (Plugin, error) { return FromClient(c), nil })))
}

// resident is meson-plugin-mem serving on a socket.
type resident struct {
	t      *testing.T
	binary string
	socket string
	cmd    *exec.Cmd
}

func (r *resident) start(ctx context.Context) (Plugin, error) {
	r.cmd = exec.Command(r.binary, "serve", "--listen", "unix:"+r.socket)
	r.cmd.Stderr = os.Stderr
	if !testing.Verbose() {
		r.cmd.Stderr = nil
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	// gRPC would wait a second after a first attempt that is too early.
	for range 1000 {
		if conn, err := net.Dial("unix", r.socket); err == nil {
			_ = conn.Close()
			return FromClient(Dial(r.t, r.socket)), nil
		}
		if !pause(ctx, 5*time.Millisecond) {
			break
		}
	}
	return nil, fmt.Errorf("the plugin does not answer on %s", r.socket)
}

func (r *resident) kill() error {
	if err := r.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = r.cmd.Wait()
	return nil
}

func TestMemAsProcess(t *testing.T) {
	dir := t.TempDir()
	r := &resident{t: t, binary: BuildPlugin(t, "mem"), socket: filepath.Join(dir, "s")}
	printed, err := exec.Command(r.binary, "describe").Output()
	if err != nil {
		t.Fatal(err)
	}
	tg := target(r.start)
	// Half of the latency lies before the effect and half after it, so that the
	// kills fall on both sides.
	tg.Config = fmt.Sprintf(`{"state_dir": %q, "latency": "20ms", "boot": "20ms", "storage": {}}`, filepath.Join(dir, "state"))
	tg.DescribeJSON = printed
	tg.KillAndRestart = func(ctx context.Context) (Plugin, error) {
		if err := r.kill(); err != nil {
			return nil, err
		}
		return r.start(ctx)
	}
	t.Cleanup(func() { _ = r.kill() })
	Run(t, tg)
}
