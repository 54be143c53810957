package vault

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/sdk"
)

// Folders that somebody has made to harm: whatever is outside stays as it is, is not
// read, and the scan ends soon and says what is there.
func TestHostileFolders(t *testing.T) {
	outside := t.TempDir()
	put(t, outside, map[string]string{
		"secret": "sparse 134217728", "meta.json": plainMeta, "data.img": "sparse 134217728", "dir/x": "precious", "private": "dir",
		"whole.elimg/meta.json": plainMeta, "whole.elimg/data.img": "sparse 134217728",
	})
	before := tree(t, outside)
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"image is a link":      {map[string]string{"meta.json": plainMeta, "data.img": "link " + outside + "/secret"}, "data.img is a symbolic link"},
		"image is a link here": {map[string]string{"meta.json": plainMeta, "data.img": "link other", "other": "sparse 134217728"}, "data.img is a symbolic link"},
		"metadata are a link":  {map[string]string{"meta.json": "link " + outside + "/meta.json", "data.img": "sparse 134217728"}, "meta.json cannot be read"},
		"metadata are a FIFO":  {map[string]string{"meta.json": "fifo", "data.img": "sparse 134217728"}, "meta.json cannot be read: it is a FIFO"},
		"image is a FIFO":      {map[string]string{"meta.json": plainMeta, "data.img": "fifo"}, "data.img is a FIFO"},
		"image is a directory": {map[string]string{"meta.json": plainMeta, "data.img": "dir"}, "data.img is a directory"},
		"huge metadata":        {map[string]string{"meta.json": "sparse 1099511627776", "data.img": "sparse 134217728"}, "want at most 1048576"},
		"deep metadata":        {map[string]string{"meta.json": `{"a":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + "}", "data.img": "sparse 134217728"}, "nested more than 64 deep"},
		"deep state":           {map[string]string{"meta.json": `{"size":1,"meson":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000) + "}", "data.img": "sparse 134217728"}, "nested more than 64 deep"},
		"private is a link":    {map[string]string{"meta.json": plainMeta, "data.img": "sparse 134217728", ".meson": "link " + outside + "/private"}, ".meson is no directory"},
		"lock is a link":       {map[string]string{"meta.json": plainMeta, "data.img": "sparse 134217728", ".meson/lock": "link " + outside + "/created"}, ""},
		"lock is a FIFO":       {map[string]string{"meta.json": plainMeta, "data.img": "sparse 134217728", ".meson/lock": "fifo"}, ""},
		"new metadata a link":  {map[string]string{"meta.json": plainMeta, "data.img": "sparse 134217728", ".meson/meta.new": "link " + outside + "/secret"}, ""},
		"ended is a link":      {map[string]string{"meta.json": plainMeta, "data.img": "sparse 134217728", ".meson/ended": "link " + outside + "/ended"}, ""},
		"directory is a link":  {map[string]string{"meta.json": `{"size":1,"shareable":true}`, "data": "link " + outside + "/dir"}, "no image"},
	} {
		t.Run(name, func(t *testing.T) {
			v := openVault(t, func(o *Options) { o.LockWait = 50 * time.Millisecond })
			put(t, filepath.Join(v.Root(), "x.elimg"), tt.files)
			all := list(t, v)
			if len(all) != 1 || !strings.Contains(faults(all[0]), tt.want) || (tt.want == "") != (len(all[0].Faults) == 0) {
				t.Fatalf("faults %q, want %q", faults(all[0]), tt.want)
			}
			ref := all[0].Ref()
			_, u, err := v.BeginUse(t.Context(), ref, writer("w"))
			switch {
			case tt.want != "" && err == nil:
				t.Error("it was taken for writing")
			case err == nil:
				if _, err := v.Secret(t.Context(), ref, u.ID); err != nil {
					t.Error(err)
				}
				_, err := v.EndUse(t.Context(), ref, u.ID, fenced)
				t.Logf("end: %v", err)
			default:
				t.Logf("begin: %v", err)
			}
			if _, err := v.Delete(t.Context(), ref, "b1"); err == nil && tt.want != "" {
				t.Error("it was deleted")
			}
			if d := cmp.Diff(before, tree(t, outside)); d != "" {
				t.Errorf("something outside was changed:\n%s", d)
			}
		})
	}
}

// What is no folder is not entered: links to volumes, to the root, to anywhere.
func TestLinksAreNotFollowed(t *testing.T) {
	v := openVault(t)
	outside := t.TempDir()
	put(t, outside, map[string]string{"whole.elimg/meta.json": plainMeta, "whole.elimg/data.img": "sparse 134217728"})
	put(t, v.Root(), map[string]string{
		"a.elimg": "link " + outside + "/whole.elimg", "b": "link " + outside, "c/d/loop": "link ../..", "e.elimg": "a file", "f.elimg": "fifo",
		"ok.elimg/meta.json": plainMeta, "ok.elimg/data.img": "sparse 134217728", "ok.elimg/in.elimg/meta.json": plainMeta,
		".hidden/no.elimg/meta.json": plainMeta,
	})
	got := map[string]string{}
	for _, vol := range list(t, v) {
		got[vol.ID] = faults(vol)
	}
	want := map[string]string{
		"a": "it is no folder, and links are not followed", "e": "it is no folder, and links are not followed",
		"f": "it is no folder, and links are not followed", "ok": "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, folder := range []string{"b/whole.elimg", "c/d/loop/ok.elimg"} {
		if vol, err := v.Get(t.Context(), Ref{Folder: filepath.Join(v.Root(), folder)}); err == nil && vol.Readable() {
			t.Errorf("%s is reached through a link", folder)
		}
	}
	for _, folder := range []string{"../x.elimg", "/etc", "."} {
		if _, err := v.Get(t.Context(), Ref{Folder: filepath.Join(v.Root(), folder)}); err == nil {
			t.Errorf("%s is in the vault", folder)
		}
	}
}

// A scan does not go down for ever, and says where it did not.
func TestScanIsBounded(t *testing.T) {
	v := openVault(t)
	deep := strings.Repeat("d/", maxDepth+5)
	put(t, v.Root(), map[string]string{
		deep + "x.elimg/meta.json": plainMeta, deep + "x.elimg/data.img": "sparse 134217728",
		"y.elimg/meta.json": plainMeta, "y.elimg/data.img": "sparse 134217728",
	})
	if err := os.Mkdir(filepath.Join(v.Root(), "closed"), 0); err != nil {
		t.Fatal(err)
	}
	if all := list(t, v); len(all) != 1 || all[0].ID != "y" {
		t.Errorf("%d volumes", len(all))
	}
	if got := strings.Join(v.Faults(), "\n"); !strings.Contains(got, "nested more than 32 deep") {
		t.Errorf("faults of the vault: %q", got)
	}
}

// A directory that is mounted into itself is searched once, and that is said.
func TestLoopsOfMounts(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{"a/b": "dir", "a/y.elimg/meta.json": plainMeta, "a/y.elimg/data.img": "sparse 134217728"})
	text, err := json.Marshal(job{Root: root, Do: "scan"})
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", `mount --bind "$1" "$1/a/b" && exec "$2"`, "sh", root, exe)
	cmd.Env = append(os.Environ(), "MESON_VAULT_CHILD="+string(text))
	out, err := cmd.CombinedOutput()
	if err != nil && os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if got := string(out); err != nil || !strings.Contains(got, "1 volumes") || !strings.Contains(got, "a/b: is "+root+" again: not searched twice") {
		t.Errorf("%v: %s", err, got)
	}
}

// What another user has put in the place of Meson's own folder is not used.
func TestPrivateFolderOfAnotherUser(t *testing.T) {
	v := openVault(t)
	put(t, v.Root(), map[string]string{"x.elimg/meta.json": plainMeta, "x.elimg/data.img": "sparse 134217728", "x.elimg/.meson": "dir"})
	private := filepath.Join(v.Root(), "x.elimg", ".meson")
	if err := os.Chown(private, 12345, 12345); err != nil {
		t.Skip("only root gives files away")
	}
	_, _, err := v.BeginUse(t.Context(), Ref{ID: "x"}, writer("one"))
	wantKind(t, err, sdk.Denied, "belongs to another user")
	// Its own, but open to others, is closed.
	if err := errors.Join(os.Chown(private, os.Geteuid(), os.Getegid()), os.Chmod(private, 0o777)); err != nil {
		t.Fatal(err)
	}
	begin(t, v, get(t, v, Ref{ID: "x"}), writer("one"))
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
