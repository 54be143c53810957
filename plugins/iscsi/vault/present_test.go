package vault

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Where the file system of a vault is not mounted, its volumes are not gone: nothing
// is certain, nothing is forgotten, and the directory below is not made a vault.
func TestMountMissing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "vault")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "size=16m"); err != nil {
		if strings.Contains(os.Getenv("MESON_REQUIRE"), "iscsi") {
			t.Fatalf("required: a tmpfs that can be mounted: %v", err)
		}
		t.Skipf("no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	v, err := Open(t.Context(), Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	folder := filepath.Join(root, "v1"+suffix)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if all, err := v.List(t.Context()); err != nil || len(all) != 1 {
		t.Fatalf("%d volumes, %v", len(all), err)
	}
	if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if all, err := v.List(t.Context()); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("%d volumes, %v: want Unavailable", len(all), err)
	}
	if _, err := v.Get(t.Context(), Ref{ID: "v2"}); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("one that may be there: %v, want Unavailable", err)
	}
	if again, err := Open(t.Context(), Options{Root: root, ID: v.ID()}); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("opened again: %v, %v: want Unavailable", again, err)
	}
	if names, err := os.ReadDir(root); err != nil || len(names) != 0 {
		t.Errorf("%v was written below the mount, %v", names, err)
	}
}

// A vault whose content was taken away is not an empty one.
func TestEmptied(t *testing.T) {
	root := t.TempDir()
	v, err := Open(t.Context(), Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := os.RemoveAll(filepath.Join(root, privateName)); err != nil {
		t.Fatal(err)
	}
	if err := v.Refresh(t.Context()); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("%v, want Unavailable", err)
	}
	if _, err := Open(t.Context(), Options{Root: root, ID: v.ID()}); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("opened again: %v, want Unavailable", err)
	}
}

// What cannot be read may hide volumes, unless it is nobody's to read.
func TestLost(t *testing.T) {
	for err, want := range map[error]bool{
		unix.EIO: true, unix.ESTALE: true, unix.EMFILE: true, unix.ENFILE: true, unix.ENOMEM: true,
		unix.EACCES: false, unix.ENOENT: false, unix.ENOTDIR: false, unix.ELOOP: false,
	} {
		if got := lost(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}
