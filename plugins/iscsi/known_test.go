package iscsi

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Where a vault was and its file system is not mounted, the plugin does not begin
// another one below; and a vault that was copied with its id is not opened beside it.
func TestKnownVaults(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	try := func() error {
		t.Helper()
		config, err := sdk.DecodeConfig[Config]([]byte(s.config()), nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(t.Context(), "v", config, slog.New(slog.DiscardHandler), Hooks{}, nil)
		if err == nil {
			err = p.Close(t.Context())
		}
		return err
	}
	below := s.vault
	if err := unix.Mount("tmpfs", below, "tmpfs", 0, "size=16m"); err != nil {
		lacks(t, "no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(below, unix.MNT_DETACH) })
	for range 2 {
		if err := try(); err != nil {
			t.Fatal(err)
		}
	}
	twin := filepath.Join(t.TempDir(), "twin")
	if out, err := exec.Command("cp", "-a", below, twin).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.settings["vaults"] = []map[string]any{{"path": twin}}
	if err := try(); sdk.KindOf(err) != sdk.Invalid || !strings.Contains(err.Error(), "copy") {
		t.Errorf("with a copy of itself: %v, want Invalid", err)
	}
	delete(s.settings, "vaults")
	if err := unix.Unmount(below, 0); err != nil {
		t.Fatal(err)
	}
	if err := try(); sdk.KindOf(err) != sdk.Invalid || !strings.Contains(err.Error(), "mount") {
		t.Errorf("without its mount: %v, want Invalid that says so", err)
	}
	if names, err := os.ReadDir(below); err != nil || len(names) != 0 {
		t.Errorf("%v was written below the mount, %v", names, err)
	}
}
