package iscsi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// conforming is a site as a target of the suite: machines elsewhere, and one on the
// vault's own host.
func conforming(t *testing.T, format string) (*site, sdktest.Target) {
	t.Helper()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	images := t.TempDir()
	data := make([]byte, 3<<20)
	copy(data[1<<20:], "an image")
	path := filepath.Join(images, "small.raw")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	s := newSite(t, map[string]any{"format": format, "image_sources": []string{images}})
	return s, sdktest.Target{
		Config: s.config(), Call: 30 * time.Second,
		Volume: &pb.VolumeSpec{SizeBytes: 128 << 20, Format: format}, VolumeTooBig: &pb.VolumeSpec{SizeBytes: 1 << 50},
		From:  []*pb.Consumer{there(1), there(2)},
		Image: &pb.ImageOrigin{Url: path, Sha256: hex.EncodeToString(sum[:])},
	}
}

func TestConformanceAsValue(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			_, target := conforming(t, format)
			p := sdktest.FromDefinition(Definition(Hooks{}, nil), slog.New(slog.DiscardHandler))
			t.Cleanup(func() { _ = p.Drain(context.Background()) })
			target.Connect = func(context.Context) (sdktest.Plugin, error) { return p, nil }
			sdktest.Run(t, target)
		})
	}
}

func TestConformanceOverGRPC(t *testing.T) {
	t.Parallel()
	_, target := conforming(t, "qcow2")
	// Over NBD on the host itself.
	target.From = []*pb.Consumer{here()}
	target.From[0].Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}
	c := sdktest.Serve(t, sdk.NewServer(Definition(Hooks{}, nil), slog.New(slog.DiscardHandler)))
	target.Connect = func(context.Context) (sdktest.Plugin, error) { return sdktest.FromClient(c), nil }
	sdktest.Run(t, target)
}

func TestConformanceAsProcess(t *testing.T) {
	t.Parallel()
	_, target := conforming(t, "raw")
	r := &resident{t: t, socket: filepath.Join(t.TempDir(), "s")}
	describe := exec.Command(os.Args[0], "describe")
	describe.Env = append(os.Environ(), childEnv+"=plugin")
	var err error
	if target.DescribeJSON, err = describe.Output(); err != nil {
		t.Fatal(err)
	}
	start := func(ctx context.Context) (sdktest.Plugin, error) {
		c, err := r.start(ctx)
		return sdktest.FromClient(c), err
	}
	target.Connect = start
	target.KillAndRestart = func(ctx context.Context) (sdktest.Plugin, error) {
		r.kill()
		return start(ctx)
	}
	t.Cleanup(func() { r.kill() })
	sdktest.Run(t, target)
}
