package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
)

func TestFinder(t *testing.T) {
	root := t.TempDir()
	make := func(path string, mode os.FileMode) string {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := make("a/meson-plugin-kvm", 0o755)
	second := make("b/meson-plugin-kvm", 0o755)
	group := make("b/meson-plugin-gcp", 0o775)
	good := make("c/meson-plugin-gcp", 0o755)
	plain := make("b/meson-plugin-text", 0o644)
	upper := make("b/meson-plugin-UPPER", 0o755)
	make("b/something-else", 0o755)
	open := make("open/meson-plugin-ceph", 0o755)
	if err := os.Chmod(filepath.Join(root, "open"), 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "c", "meson-plugin-linked")
	if err := os.Symlink(group, link); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(root, "c", "meson-plugin-dangling")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "c", "meson-plugin-dir"), 0o755); err != nil {
		t.Fatal(err)
	}

	f := Finder{Dirs: []string{"relative", filepath.Join(root, "absent"), filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "c"), filepath.Join(root, "open"), filepath.Join(root, "a")}}
	type row struct{ Path, Refused, Hint, ShadowedBy string }
	var got []row
	for _, found := range f.List() {
		refused, _, _ := strings.Cut(found.Refused, " (mode")
		got = append(got, row{found.Path, refused, found.Hint, found.ShadowedBy})
	}
	writable := "others than its owner may write it"
	want := []row{
		{Path: first},
		{Path: upper, Refused: `"UPPER" is no name of a plugin: want [a-z][a-z0-9-]{0,30}`},
		{Path: group, Refused: writable, Hint: "chmod go-w " + group},
		{Path: second, ShadowedBy: first},
		{Path: plain, Refused: "it is not executable", Hint: "chmod a+x " + plain},
		{Path: dangling, Refused: "it cannot be followed: no such file or directory"},
		{Path: good, ShadowedBy: group},
		{Path: link, Refused: writable, Hint: "chmod go-w " + group},
		{Path: open, Refused: "others than its owner may write its directory " + filepath.Dir(open), Hint: "chmod go-w " + filepath.Dir(open)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	for name, want := range map[string]struct {
		path string
		kind core.Kind
	}{
		"kvm":   {first, ""},
		"gcp":   {group, core.Denied}, // the good one behind it does not step in
		"ceph":  {open, core.Denied},
		"dir":   {"", core.NotFound},
		"iscsi": {"", core.NotFound},
		"../a":  {"", core.Invalid},
	} {
		found, err := f.Find(name)
		if found.Path != want.path || core.KindOf(err) != want.kind {
			t.Errorf("%s: %q, %v: want %q, %q", name, found.Path, err, want.path, want.kind)
		}
	}
}

// Somebody else's file, or one in somebody else's directory, is not run.
func TestStrangersFilesAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for _, what := range []string{"file", "directory"} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "meson-plugin-x")
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if d := distrust(path); d != nil {
			t.Fatalf("before: %+v", d)
		}
		strange := map[string]string{"file": path, "directory": dir}[what]
		if err := os.Chown(strange, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if d := distrust(path); d == nil || !strings.Contains(d.reason, "belongs neither to root nor") {
			t.Errorf("%s: %+v: want it refused for its owner", what, d)
		}
	}
}

// A directory further up that everybody may write lets everybody put another
// directory in place; a sticky one does not.
func TestAncestorsAreLookedAt(t *testing.T) {
	top := filepath.Join(t.TempDir(), "top")
	path := filepath.Join(top, "plugins", "meson-plugin-x")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for mode, refused := range map[os.FileMode]bool{0o755: false, 0o777 | os.ModeSticky: false, 0o777: true} {
		if err := os.Chmod(top, mode); err != nil {
			t.Fatal(err)
		}
		if d := distrust(path); (d != nil) != refused {
			t.Errorf("%v above it: %+v: want refused %t", mode, d, refused)
		}
	}
}

func TestDefaultDirs(t *testing.T) {
	t.Setenv(PathEnv, "/first:/usr/lib/meson/plugins:/first")
	t.Setenv("XDG_DATA_HOME", "/data")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Dir(filepath.Dir(exe))
	want := []string{
		"/first", "/usr/lib/meson/plugins", filepath.Dir(exe), prefix + "/lib/meson/plugins",
		"/data/meson/plugins", "/usr/local/lib/meson/plugins",
	}
	if diff := cmp.Diff(want, DefaultDirs()); diff != "" {
		t.Error(diff)
	}
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "/home/ada")
	if got := DefaultDirs()[4]; got != "/home/ada/.local/share/meson/plugins" {
		t.Errorf("the user's directory is %s", got)
	}
}
