package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

func TestCreate(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	if vol.ID != IDFor(owner("k")) || vol.Folder != filepath.Join(v.Root(), vol.ID+".elimg") || vol.Found || vol.State.Format != Raw ||
		vol.State.Owner.Request != "r1" || time.Since(vol.State.CreatedAt) > time.Minute {
		t.Errorf("%+v", vol)
	}
	data, err := os.ReadFile(filepath.Join(vol.Folder, "meta.json"))
	if err != nil || !strings.HasPrefix(string(data), "{\n  \"size\": 0.125,\n  \"name\": \"vol k\",") {
		t.Errorf("%s, %v", data, err)
	}
	again, err := v.Create(t.Context(), small("k"), func(context.Context, *Build) error { t.Error("filled again"); return nil })
	if err != nil || again.ID != vol.ID {
		t.Errorf("%v, %v", again, err)
	}
	other := small("k")
	other.Owner.Request = "r2"
	_, err = v.Create(t.Context(), other, blank)
	wantKind(t, err, sdk.Conflict, "another request")
	found, err := v.Find(t.Context(), "b1", "k")
	if err != nil || found.ID != vol.ID {
		t.Errorf("%v, %v", found, err)
	}
	_, err = v.Find(t.Context(), "b2", "k")
	wantKind(t, err, sdk.NotFound, "")
}

// A volume keeps its key wherever in the vault somebody puts it.
func TestMovedVolumeIsFound(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	begin(t, v, vol, writer("one"))
	if err := os.Mkdir(filepath.Join(v.Root(), "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(v.Root(), "sub", "vid."+vol.ID+".elimg")
	if err := os.Rename(vol.Folder, moved); err != nil {
		t.Fatal(err)
	}
	found, err := v.Find(t.Context(), "b1", "k")
	if err != nil || found.Folder != moved {
		t.Errorf("%v, %v", found, err)
	}
	again, err := v.Create(t.Context(), small("k"), func(context.Context, *Build) error { t.Error("made again"); return nil })
	if err != nil || again.Folder != moved {
		t.Errorf("%v, %v", again, err)
	}
	if _, err := v.EndUse(t.Context(), Ref{ID: vol.ID}, "one", fenced); err != nil {
		t.Error(err)
	}
	if _, err := v.Delete(t.Context(), Ref{ID: vol.ID}, "b1"); err != nil {
		t.Error(err)
	}
	if left := tree(t, filepath.Join(v.Root(), "sub")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestCreateThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*New)
		want   string
	}{
		"size 0":              {func(n *New) { n.Meta.SizeBytes = 0 }, "size_bytes"},
		"size between steps":  {func(n *New) { n.Meta.SizeBytes++ }, "size_bytes"},
		"huge":                {func(n *New) { n.Meta.SizeBytes = 1 << 63 }, "size_bytes"},
		"shareable, bootable": {func(n *New) { n.Meta.Shareable, n.Meta.Bootable, n.Format = true, true, "" }, "bootable"},
		"no format":           {func(n *New) { n.Format = "" }, "format"},
		"another format":      {func(n *New) { n.Format = "vmdk" }, "format"},
		"shareable image":     {func(n *New) { n.Meta.Shareable = true }, "a shareable volume is a directory"},
		"id is a path":        {func(n *New) { n.ID = "../x" }, "id"},
		"id is hidden":        {func(n *New) { n.ID = ".x" }, "id"},
		"no key":              {func(n *New) { n.Owner.Key = "" }, "owner"},
		"name with an escape": {func(n *New) { n.Meta.Name = "\x1b[2J" }, "name"},
		"all of it":           {func(n *New) { n.Owner, n.Format, n.ID, n.Meta.SizeBytes = Owner{}, "x", "-", 1 }, "size_bytes: have 1, want a multiple of 134217728 (0.125 GB), at most 18014398509481984; id: "},
	} {
		v := openVault(t)
		n := small("k")
		tt.change(&n)
		_, err := v.Create(t.Context(), n, func(context.Context, *Build) error { t.Errorf("%s: filled", name); return nil })
		if sdk.KindOf(err) != sdk.Invalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left := tree(t, v.Root()); len(left) != 3 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// What is not made whole leaves nothing.
func TestCreateThatFails(t *testing.T) {
	boom := errors.New("the image's sum is wrong")
	for name, fill := range map[string]func(context.Context, *Build) error{
		"fill":        func(ctx context.Context, b *Build) error { _ = blank(ctx, b); return boom },
		"no space":    func(context.Context, *Build) error { return &os.PathError{Op: "write", Path: "x", Err: unix.ENOSPC} },
		"nothing":     func(context.Context, *Build) error { return nil },
		"too short":   func(_ context.Context, b *Build) error { return os.WriteFile(b.Data, []byte("x"), 0o600) },
		"a link":      func(_ context.Context, b *Build) error { return os.Symlink("/dev/zero", b.Data) },
		"no parent":   func(ctx context.Context, b *Build) error { b.Parent = "none"; return blank(ctx, b) },
		"named other": func(_ context.Context, b *Build) error { return os.WriteFile(b.Folder+"/other.qcow2", nil, 0o600) },
	} {
		v := openVault(t)
		_, err := v.Create(t.Context(), small("k"), fill)
		if err == nil {
			t.Errorf("%s: made", name)
		}
		if kind := sdk.KindOf(err); name == "no space" && kind != sdk.Exhausted {
			t.Errorf("%s: %v (%s)", name, err, kind)
		}
		if left := tree(t, v.Root()); len(left) != 3 {
			t.Errorf("%s: left %v", name, left)
		}
		create(t, v, small("k"))
	}
}

// While a volume is made, nobody sees it, it counts, and a second maker is Busy.
func TestWhileItIsMade(t *testing.T) {
	v := openVault(t)
	other := openVault(t, at(v.Root()))
	put(t, v.Root(), map[string]string{"settings.json": `{"max-volumes": 1}`})
	_, err := v.Create(t.Context(), small("k"), func(ctx context.Context, b *Build) error {
		if all := list(t, other); len(all) != 0 {
			t.Errorf("seen: %v", all[0])
		}
		making, err := other.Building(ctx)
		if err != nil || len(making) != 1 || making[0].ID != IDFor(owner("k")) || making[0].Owner != owner("k") || making[0].Meta != small("k").Meta || making[0].Since.IsZero() {
			t.Errorf("%+v, %v", making, err)
		}
		_, err = other.Create(ctx, small("k"), blank)
		wantKind(t, err, sdk.Busy, "in the making since")
		_, err = other.Create(ctx, small("k2"), blank)
		wantKind(t, err, sdk.Exhausted, "allows 1 volumes, and there are 1")
		if err := other.Sweep(ctx); err != nil {
			t.Error(err)
		}
		return blank(ctx, b)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is being made counts at every instant with its whole size.
func TestWhatIsMadeAlwaysCounts(t *testing.T) {
	v := openVault(t)
	b, _, err := v.reserve(t.Context(), "test", small("k"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.lock.release()
	defer b.d.close()
	stop := make(chan struct{})
	done := make(chan error)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				done <- nil
				return
			default:
				err = b.write()
			}
		}
		done <- err
	}()
	for range 2000 {
		making, err := v.Building(t.Context())
		if err != nil || len(making) != 1 || making[0].Meta.SizeBytes != Step {
			t.Errorf("%+v, %v", making, err)
			break
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Sweep removes what the dead have left, and nothing else that looks like it.
func TestSweep(t *testing.T) {
	v := openVault(t)
	put(t, v.Root(), map[string]string{
		".meson-new-x.abc/data.img": "half", ".meson-gone-y.abc/data.img": "half", ".meson-new-file": "not ours", "sub/.meson-gone-z.a/b/c": "half",
		".meson-new-link": "link " + t.TempDir(), ".other/x": "not ours",
	})
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := v.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := tree(t, v.Root())
	for _, name := range []string{".meson-new-x.abc", ".meson-gone-y.abc", "sub/.meson-gone-z.a"} {
		if _, there := got[name]; there {
			t.Errorf("%s is left", name)
		}
	}
	for _, name := range []string{".meson-new-file", ".meson-new-link", ".other/x", "sub"} {
		if _, there := got[name]; !there {
			t.Errorf("%s is gone", name)
		}
	}
}

// A guest may nest directories in a shareable volume as deeply as it likes.
func TestDeleteOfWhatAGuestHasNested(t *testing.T) {
	v := openVault(t)
	n := small("k")
	n.Meta.Shareable, n.Format = true, ""
	vol := create(t, v, n)
	d, err := openDir(vol.Data())
	if err != nil {
		t.Fatal(err)
	}
	for range 1500 {
		if err := d.mkdir("d", 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := d.sub("d")
		if err != nil {
			t.Fatal(err)
		}
		d.close()
		d, next.path = next, "deep"
	}
	d.close()
	// As deep as that nobody can hold all directories open.
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 400, Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &was) }()
	if _, err := v.Delete(t.Context(), vol.Ref(), "b1"); err != nil {
		t.Fatal(err)
	}
	if left := tree(t, v.Root()); len(left) != 3 {
		t.Errorf("%d names are left", len(left))
	}
}

// Space is given back at once, also where somebody still has the image open.
func TestDeleteFreesSpace(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	if err := os.WriteFile(vol.Data(), make([]byte, Step), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(vol.Data())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s, err := v.Space(t.Context()); err != nil || s.UsedBytes < Step || s.Volumes != 1 || s.FreeBytes == 0 || s.TotalBytes < s.FreeBytes {
		t.Errorf("%+v, %v", s, err)
	}
	freed, err := v.Delete(t.Context(), vol.Ref(), "b1")
	if err != nil || freed < Step {
		t.Errorf("%d bytes, %v", freed, err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 0 || info.Sys() == nil {
		t.Errorf("who has it open still has %d bytes, %v", info.Size(), err)
	}
	if s, err := v.Space(t.Context()); err != nil || s.UsedBytes != 0 || s.Volumes != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if freed, err := v.Delete(t.Context(), vol.Ref(), "b1"); err != nil || freed != 0 {
		t.Errorf("again: %d, %v", freed, err)
	}
}

// A layer that a clone shares stays whole in the clone.
func TestDeleteLeavesSharedLayers(t *testing.T) {
	v := openVault(t)
	withSnap := func(b *Build) {
		b.Snapshots = []Snapshot{{ID: "s", File: "snap-s.img", Format: Raw, CreatedAt: time.Unix(1, 0), SizeBytes: Step}}
		b.Parent = "s"
	}
	n := small("k")
	n.Format = QCOW2
	vol, err := v.Create(t.Context(), n, func(ctx context.Context, b *Build) error {
		withSnap(b)
		return errors.Join(blank(ctx, b), os.WriteFile(b.Folder+"/snap-s.img", []byte("layer"), 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Owner = owner("k2")
	clone, err := v.Create(t.Context(), n, func(ctx context.Context, b *Build) error {
		withSnap(b)
		return errors.Join(blank(ctx, b), os.Link(vol.Folder+"/snap-s.img", b.Folder+"/snap-s.img"))
	})
	if err != nil || len(clone.Faults) > 0 {
		t.Fatalf("%v, %v", clone, err)
	}
	if _, err := v.Delete(t.Context(), vol.Ref(), "b1"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(clone.Folder + "/snap-s.img"); err != nil || string(data) != "layer" {
		t.Errorf("the clone's layer is %q, %v", data, err)
	}
}

// What Meson made and somebody damaged can be removed; what others made cannot.
func TestDeleteOfWhatIsDamaged(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	if err := os.Remove(vol.Data()); err != nil {
		t.Fatal(err)
	}
	if got := get(t, v, vol.Ref()); len(got.Faults) != 1 {
		t.Fatalf("%+v", got)
	}
	if _, err := v.Delete(t.Context(), vol.Ref(), "b1"); err != nil {
		t.Error(err)
	}
	put(t, v.Root(), map[string]string{"sound.elimg/meta.json": plainMeta, "sound.elimg/data.img": "sparse 134217728"})
	if _, err := v.Delete(t.Context(), Ref{ID: "sound"}, "b1"); err != nil {
		t.Errorf("a sound volume of others, on request: %v", err)
	}
}

// A volume that has its name is not undone, even if it is not known whether it is
// on disk.
func TestCreateThatCannotBeSynced(t *testing.T) {
	var v *Vault
	v = openVault(t, func(o *Options) {
		o.Step = func(step string) {
			if step == "sync vault" {
				_ = v.root.f.Close()
			}
		}
	})
	_, err := v.Create(t.Context(), small("k"), blank)
	wantKind(t, err, sdk.Uncertain, "sync vault")
	again := openVault(t, at(v.Root()))
	if all := list(t, again); len(all) != 1 || len(all[0].Faults) > 0 {
		t.Errorf("%d volumes", len(all))
	}
}

// Who waits for a volume that is removed meanwhile gets none.
func TestWaitForWhatIsRemoved(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	errs := make(chan error, 2)
	err := v.Hold(t.Context(), vol.Ref(), func(_ context.Context, h *Held) error {
		go func() {
			_, _, err := v.BeginUse(t.Context(), vol.Ref(), writer("one"))
			errs <- err
		}()
		go func() {
			_, err := v.Delete(t.Context(), vol.Ref(), "b1")
			errs <- err
		}()
		time.Sleep(50 * time.Millisecond)
		_, err := h.delete()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-errs; err != nil && sdk.KindOf(err) != sdk.NotFound {
			t.Errorf("%v", err)
		}
	}
	if left := tree(t, v.Root()); len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}

// Who waits for a volume that is moved meanwhile gets it where it is then.
func TestWaitForWhatIsMoved(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	moved := filepath.Join(v.Root(), "vid."+vol.ID+".elimg")
	got := make(chan *Volume, 1)
	if err := v.Hold(t.Context(), vol.Ref(), func(context.Context, *Held) error {
		go func() {
			vol, _, err := v.BeginUse(t.Context(), Ref{ID: vol.ID}, writer("one"))
			if err != nil {
				t.Error(err)
			}
			got <- vol
		}()
		time.Sleep(50 * time.Millisecond)
		return os.Rename(vol.Folder, moved)
	}); err != nil {
		t.Fatal(err)
	}
	if vol := <-got; vol == nil || vol.Folder != moved {
		t.Errorf("%+v", vol)
	}
}
