package vault

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", "--sparse=always", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}

// What others keep in the metadata stays as it was, to the last digit.
func TestOthersKeysStay(t *testing.T) {
	const theirs = `{
  "size" : 20.500 , "name":"w\u00e9b", "x-big": 12345678901234567890123, "x-float": 1.10, "x":{"meson": 1, "size":[ 1, {"a":null} ]},
	"bootable":true, "": "empty", "x.y": "dot", "snow\u2603": "☃", "readonly":false
}`
	v := openVault(t)
	put(t, v.Root(), map[string]string{"x.elimg/volumefile": theirs, "x.elimg/data.img": "sparse 22011707392"})
	file := filepath.Join(v.Root(), "x.elimg", "volumefile")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, 12345, 54321); err != nil {
		t.Skip("not root")
	}
	vol := get(t, v, Ref{ID: "x"})
	begin(t, v, vol, writer("one"))
	if _, err := v.EndUse(t.Context(), vol.Ref(), "one", fenced); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Rename(t.Context(), vol.Ref(), `new "name"`); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"size", "x-big", "x-float", "x", "bootable", "", `x\.y`, "snow☃", "readonly"} {
		if was, is := gjson.Get(theirs, key).Raw, gjson.GetBytes(data, key).Raw; was != is && key != "" {
			t.Errorf("%q was %s, is %s", key, was, is)
		}
	}
	if !strings.Contains(string(data), `"": "empty"`) {
		t.Error("the empty key is gone")
	}
	if got := gjson.GetBytes(data, "name").String(); got != `new "name"` {
		t.Errorf("name %q", got)
	}
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil || st.Mode&0o777 != 0o640 || st.Uid != 12345 || st.Gid != 54321 {
		t.Errorf("mode %o, owner %d:%d, %v", st.Mode, st.Uid, st.Gid, err)
	}
	if _, err := os.Stat(filepath.Join(v.Root(), "x.elimg", "meta.json")); err == nil {
		t.Error("a second file of metadata was made")
	}
}

func TestCompareAndSwap(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	set := func(name string) func(*Meta, *State) error {
		return func(m *Meta, _ *State) error { m.Name = name; return nil }
	}
	next, err := v.Update(t.Context(), vol.Ref(), vol.Revision, set("a"))
	if err != nil || next.Meta.Name != "a" || next.Revision == vol.Revision {
		t.Fatalf("%+v, %v", next, err)
	}
	_, err = v.Update(t.Context(), vol.Ref(), vol.Revision, set("b"))
	wantKind(t, err, sdk.Conflict, "changed it since")
	_, err = v.Update(t.Context(), vol.Ref(), "", func(_ *Meta, s *State) error { s.Epoch++; return nil })
	wantKind(t, err, sdk.Internal, "not changed by Save")
	_, err = v.Update(t.Context(), vol.Ref(), "", func(m *Meta, _ *State) error { m.SizeBytes++; return nil })
	wantKind(t, err, sdk.Invalid, "0.125 GB")
	_, err = v.Update(t.Context(), vol.Ref(), "", func(_ *Meta, s *State) error { s.Parent = "none"; return nil })
	wantKind(t, err, sdk.Invalid, `snapshot "none"`)
	no := errors.New("no")
	if _, err = v.Update(t.Context(), vol.Ref(), "", func(*Meta, *State) error { return no }); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	// Somebody who knows nothing of locks writes while the volume is held.
	err = v.Hold(t.Context(), vol.Ref(), func(ctx context.Context, h *Held) error {
		put(t, vol.Folder, map[string]string{"meta.json": plainMeta})
		return h.Save(ctx, set("c"))
	})
	wantKind(t, err, sdk.Conflict, "somebody has changed meta.json")
	if got := get(t, v, vol.Ref()); got.Meta.Name != "web" {
		t.Errorf("their word was overwritten: %+v", got.Meta)
	}
}

func TestHeldVolumeIsBusy(t *testing.T) {
	v := openVault(t, func(o *Options) { o.LockWait = 30 * time.Millisecond })
	vol := create(t, v, small("k"))
	other := openVault(t, at(v.Root()), func(o *Options) { o.LockWait = 30 * time.Millisecond })
	err := v.Hold(t.Context(), vol.Ref(), func(context.Context, *Held) error {
		_, _, err := other.BeginUse(t.Context(), vol.Ref(), writer("one"))
		wantKind(t, err, sdk.Busy, "another call has been working on it")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := other.Rename(ctx, vol.Ref(), "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestResize(t *testing.T) {
	v := openVault(t)
	put(t, v.Root(), map[string]string{"settings.json": `{"max-size": 0.5}`})
	vol := create(t, v, small("k"))
	grown := 0
	resize := func(size uint64) error {
		_, err := v.Resize(t.Context(), vol.Ref(), size, func(_ context.Context, h *Held) error {
			if grown++; grown == 1 {
				return errors.New("killed")
			}
			return os.Truncate(h.Volume().Data(), int64(size))
		})
		return err
	}
	wantKind(t, resize(2*Step), sdk.Unavailable, "killed")
	if s, err := v.Space(t.Context()); err != nil || s.ProvisionedBytes != 2*Step {
		t.Errorf("what it grows to does not count: %+v, %v", s, err)
	}
	for size, want := range map[uint64]sdk.Kind{Step: sdk.Invalid, 2*Step + 1: sdk.Invalid, 5 * Step: sdk.Exhausted, 0: sdk.Invalid} {
		if err := resize(size); sdk.KindOf(err) != want {
			t.Errorf("to %d: %v, want %s", size, err, want)
		}
	}
	for _, size := range []uint64{2 * Step, 2 * Step, 4 * Step} {
		if err := resize(size); err != nil {
			t.Error(err)
		}
	}
	if got := get(t, v, vol.Ref()); got.Meta.SizeBytes != 4*Step || got.State.ResizeBytes != 0 || grown != 3 || len(got.Faults) > 0 {
		t.Errorf("%+v, grown %d times", got, grown)
	}
	begin(t, v, vol, writer("one")) // a volume in use grows too
	put(t, v.Root(), map[string]string{"settings.json": `{}`})
	if err := resize(5 * Step); err != nil {
		t.Error(err)
	}
}
