package vault

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

func TestMain(m *testing.M) {
	if job := os.Getenv("MESON_VAULT_CHILD"); job != "" {
		os.Exit(child(job))
	}
	os.Exit(m.Run())
}

// openVault opens a vault in a new directory, or in the given one.
func openVault(t testing.TB, change ...func(*Options)) *Vault {
	t.Helper()
	o := Options{Root: t.TempDir()}
	for _, c := range change {
		c(&o)
	}
	v, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func at(root string) func(*Options) { return func(o *Options) { o.Root = root } }

// put writes files below root: a text, "dir", "fifo", "link TARGET", "hard NAME" or
// "sparse BYTES".
func put(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for _, late := range []bool{false, true} {
		for name, what := range files {
			if strings.HasPrefix(what, "hard ") == late {
				putOne(t, filepath.Join(root, name), what)
			}
		}
	}
}

func putOne(t testing.TB, path, what string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	kind, arg, _ := strings.Cut(what, " ")
	var err error
	switch kind {
	case "dir":
		err = os.MkdirAll(path, 0o755)
	case "fifo":
		err = mkfifo(path)
	case "link":
		err = os.Symlink(arg, path)
	case "hard":
		err = os.Link(filepath.Join(filepath.Dir(path), arg), path)
	case "sparse":
		var n int64
		if _, err = fmt.Sscan(arg, &n); err == nil {
			if err = os.WriteFile(path, nil, 0o600); err == nil {
				err = os.Truncate(path, n)
			}
		}
	default:
		err = os.WriteFile(path, []byte(what), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func owner(key string) Owner {
	return Owner{Broker: "b1", Allocation: "a1", Key: key, Request: "r1"}
}

// small is the smallest volume.
func small(key string) New {
	return New{Meta: Meta{Name: "vol " + key, SizeBytes: Step}, Owner: owner(key), Format: Raw}
}

// blank makes an empty image.
func blank(_ context.Context, b *Build) error {
	if b.New.Meta.Shareable {
		return nil
	}
	f, err := os.OpenFile(b.Data, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Truncate(int64(b.New.Meta.SizeBytes))
}

func create(t testing.TB, v *Vault, n New) *Volume {
	t.Helper()
	vol, err := v.Create(t.Context(), n, blank)
	if err != nil {
		t.Fatal(err)
	}
	if len(vol.Faults) > 0 {
		t.Fatalf("a new volume has faults: %v", vol.Faults)
	}
	return vol
}

func get(t testing.TB, v *Vault, ref Ref) *Volume {
	t.Helper()
	vol, err := v.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return vol
}

func list(t testing.TB, v *Vault) []*Volume {
	t.Helper()
	all, err := v.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func faults(v *Volume) string {
	var out []string
	for _, f := range v.Faults {
		out = append(out, f.Text)
	}
	return strings.Join(out, "; ")
}

// wantKind fails unless err is of a kind and says some text.
func wantKind(t testing.TB, err error, kind sdk.Kind, text string) {
	t.Helper()
	if sdk.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("error %v (%s), want %s with %q", err, sdk.KindOf(err), kind, text)
	}
}

func writer(id string) Begin {
	return Begin{Use: Use{ID: id, Kind: "iscsi", Writable: true, Holder: "b1", Allocation: "a-" + id}}
}

func reader(id string) Begin {
	b := writer(id)
	b.Use.Writable = false
	return b
}

func begin(t testing.TB, v *Vault, vol *Volume, b Begin) Use {
	t.Helper()
	_, u, err := v.BeginUse(t.Context(), vol.Ref(), b)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// fenced is a fence that worked.
func fenced(context.Context, Use) error { return nil }

// tree is every name below root and its size, but for the vault's own folder.
func tree(t testing.TB, root string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil && path != root {
			out[strings.TrimPrefix(path, root+"/")] = info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// soon fails unless ok becomes true.
func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
