package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

func target(t *testing.T) sdktest.Target {
	return sdktest.Target{
		Config: fmt.Sprintf(`{"dir": %q}`, t.TempDir()),
		Fits:   &pb.Pledge{Slots: 2, MemoryMib: 1024, Archs: []string{"x86_64"}},
		TooBig: &pb.Pledge{Slots: 2, MemoryMib: 1 << 30},
	}
}

// As a value, levels 1 to 3 take milliseconds: for every day.
func TestConformanceAsValue(t *testing.T) {
	tg := target(t)
	tg.Connect = func(context.Context) (sdktest.Plugin, error) {
		return sdktest.FromDefinition(definition(), slog.New(slog.DiscardHandler)), nil
	}
	sdktest.Run(t, tg)
}

// As a process, all four levels: what a user will run is killed and started.
func TestConformanceAsProcess(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "meson-plugin-folder")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	socket := filepath.Join(t.TempDir(), "s")
	var cmd *exec.Cmd
	kill := func() {
		if cmd != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	start := func(ctx context.Context) (sdktest.Plugin, error) {
		kill()
		cmd = exec.Command(binary, "serve", "--listen", "unix:"+socket)
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		for range 1000 {
			if conn, err := net.Dial("unix", socket); err == nil {
				_ = conn.Close()
				return sdktest.FromClient(sdktest.Dial(t, socket)), nil
			}
			time.Sleep(5 * time.Millisecond)
		}
		return nil, fmt.Errorf("the plugin does not answer on %s", socket)
	}
	tg := target(t)
	tg.Connect, tg.KillAndRestart = start, start
	sdktest.Run(t, tg)
}

func TestOpenRefusesFreePrice(t *testing.T) {
	_, err := open(t.Context(), "f", &Config{Dir: "/", CoreHour: "0"}, slog.New(slog.DiscardHandler))
	if sdk.KindOf(err) != sdk.Invalid {
		t.Errorf("a price of zero: error %v, want Invalid", err)
	}
}
