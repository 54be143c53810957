package iscsi

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// A provider that does not find the daemon of a writer, because its runtime_dir is
// another one, does not say that the writer was cut off.
func TestFencedByAnotherRuntimeDir(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p := s.provider(Hooks{})
			req, v := volume(t, p, format, 1<<27)
			if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
				t.Fatal(err)
			}
			other := newSite(t, nil)
			other.settings["path"] = s.vault
			q := other.provider(Hooks{})
			end := &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}
			for range 2 {
				if err := q.Unexport(t.Context(), end); sdk.KindOf(err) != sdk.Uncertain {
					t.Errorf("%v, want Uncertain", err)
				}
			}
			if _, err := q.Export(t.Context(), export(owner(), v.GetId(), "a2", there(2))); sdk.KindOf(err) != sdk.Busy {
				t.Errorf("a second writer: %v, want Busy", err)
			}
			if err := p.Unexport(t.Context(), end); err != nil {
				t.Error(err)
			}
			if _, err := q.Export(t.Context(), export(owner(), v.GetId(), "a3", there(2))); err != nil {
				t.Error(err)
			}
		})
	}
}

// A folder that was copied while it was in use has the record of that use, and is
// not served by it: the machine has one disk, and comes back to that one.
func TestCopiedFolderIsNotServed(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img")
	other := filepath.Join(t.TempDir(), "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, map[string]any{"vaults": []map[string]any{{"path": other}}})
	p := s.provider(Hooks{})
	req, v := volume(t, p, "raw", 1<<27)
	if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{filepath.Join(s.vault, "copy.elimg"), filepath.Join(other, filepath.Base(v.GetPlace()))} {
		if out, err := exec.Command("cp", "-a", v.GetPlace(), to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	h, err := target.New(target.Options{Dir: filepath.Join(s.runtime, "t")})
	if err != nil {
		t.Fatal(err)
	}
	// After a restart of the machine, whoever is served first has the port.
	s.killTgtd()
	all, err := p.store.all(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%d volumes, %v", len(all), err)
	}
	for _, f := range all {
		for _, one := range f.whole.All {
			if one.Folder != v.GetPlace() {
				_ = p.store.settle(t.Context(), found{Volume: one, at: p.store.in(one.Vault), whole: f.whole})
			}
		}
	}
	if list, err := h.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("the copies are served: %v, %v", list, err)
	}
	if _, err := p.Export(t.Context(), export(req.GetOwner(), "copy", "a1", there(1))); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("the copy's attachment: %v, want Conflict", err)
	}
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
	if err != nil || x.GetEpoch() != 1 {
		t.Errorf("the volume itself: %v, %v", x, err)
	}
	if use, err := image.InUse(filepath.Join(v.GetPlace(), "data.img")); err != nil || !use.Writing {
		t.Errorf("its image is not served: %v, %v", use, err)
	}
	for _, id := range []string{"copy", v.GetId()} {
		if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: id, AttachmentId: "a1"}); err != nil {
			t.Error(err)
		}
	}
}

// A writer whose image cannot be looked at, because the vault's file system was taken
// away, is not known to be gone.
func TestFencedWithoutMount(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img")
	s := newSite(t, map[string]any{"overcommit_percent": 10000})
	if err := unix.Mount("tmpfs", s.vault, "tmpfs", 0, "size=16m"); err != nil {
		lacks(t, "no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(s.vault, unix.MNT_DETACH) })
	p := s.provider(Hooks{})
	req, v := volume(t, p, "raw", 1<<27)
	if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(s.vault, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"})
	if k := sdk.KindOf(err); k != sdk.Uncertain && k != sdk.Unavailable {
		t.Errorf("%v, want Uncertain or Unavailable", err)
	}
	if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Owner: req.GetOwner()}); err == nil {
		t.Error("it is said to be deleted")
	}
	if _, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: "another"}); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("one that may be there: %v, want Unavailable", err)
	}
	if names, err := os.ReadDir(s.vault); err != nil || len(names) != 0 {
		t.Errorf("%v was written below the mount, %v", names, err)
	}
}
