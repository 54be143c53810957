package iscsi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// twin is a site with a second vault, "other".
func twin(t *testing.T) (s *site, other string) {
	t.Helper()
	other = filepath.Join(t.TempDir(), "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	return newSite(t, map[string]any{"vaults": []map[string]any{{"path": other}}}), other
}

func copyFolder(t *testing.T, from, to string) string {
	t.Helper()
	to = filepath.Join(to, filepath.Base(from))
	if out, err := exec.Command("cp", "-a", "-T", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return to
}

// mark writes a byte of its own to the first KiB of a raw volume's file.
func mark(t *testing.T, folder string, b byte) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(folder, "data.img"), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte(strings.Repeat(string([]byte{b}), 1024)), 0)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func toRead(o *pb.Owner, volume, attachment string, from *pb.Consumer) *pb.ExportRequest {
	x := export(o, volume, attachment, from)
	x.ReadOnly = true
	return x
}

// writeOnce has a machine have a volume for writing, and give it back.
func writeOnce(t *testing.T, p *Provider, o *pb.Owner, volume, attachment string) {
	t.Helper()
	if _, err := p.Export(t.Context(), export(o, volume, attachment, here())); err != nil {
		t.Fatal(err)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: volume, AttachmentId: attachment}); err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, p *Provider, broker string) map[string]*pb.Volume {
	t.Helper()
	all := map[string]*pb.Volume{}
	if err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{Broker: broker}, func(v *pb.Volume) error { all[v.GetId()] = v; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// An older place of a volume is read by its own name, over iSCSI and NBD, while
// another one is written, and by nothing else: it is not written, not taken for the
// volume, and not removed while somebody reads it.
func TestOlderPlaceIsRead(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	s, other := twin(t)
	p := s.provider(Hooks{})
	req, v := filled(t, p, "raw")
	o, vid := req.GetOwner(), v.GetId()
	old := copyFolder(t, v.GetPlace(), other)
	mark(t, old, 0x22)
	writeOnce(t, p, o, vid, "w1")
	id := vid + "@other"

	all := listed(t, p, "")
	if a, b := all[vid], all[id]; len(all) != 2 || a.GetEpoch() != 1 || b.GetEpoch() != 0 || a.GetPlace() != v.GetPlace() || b.GetPlace() != old ||
		!strings.Contains(a.GetMessage(), id) || !strings.Contains(a.GetMessage(), "older") || !strings.Contains(b.GetMessage(), v.GetPlace()) || b.GetOwner() != nil || b.GetName() != "v1@other" {
		t.Errorf("listed: %v", all)
	}
	if all := listed(t, p, o.GetBroker()); len(all) != 1 || all[vid] == nil {
		t.Errorf("of the broker: %v", all)
	}
	if _, err := p.Export(t.Context(), export(o, id, "r1", there(1))); sdk.KindOf(err) != sdk.Conflict || !strings.Contains(err.Error(), v.GetPlace()) {
		t.Errorf("for writing: %v, want Conflict and where it is written", err)
	}
	if _, err := p.ResizeVolume(t.Context(), &pb.ResizeVolumeRequest{Id: id, SizeBytes: 1 << 28}); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("resized: %v, want Conflict", err)
	}

	w, err := p.Export(t.Context(), export(o, vid, "w2", there(1)))
	if err != nil || w.GetEpoch() != 2 {
		t.Fatalf("%v, %v", w, err)
	}
	r, err := p.Export(t.Context(), toRead(o, id, "r1", there(2)))
	if err != nil || r.GetEpoch() != 0 || !r.GetConnection().GetReadOnly() {
		t.Fatalf("%v, %v", r, err)
	}
	n, err := p.Export(t.Context(), toRead(o, id, "r2", &pb.Consumer{Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}, Host: testHost}))
	if err != nil {
		t.Fatal(err)
	}
	reads := func(when string, p *Provider) {
		t.Helper()
		if out, err := qemuIO(t.Context(), w.GetConnection(), "read -P 0x6d 0 1"); err != nil {
			t.Errorf("%s, the volume: %v: %s", when, err, out)
		}
		for _, c := range []*pb.Connection{r.GetConnection(), n.GetConnection()} {
			if out, err := qemuIO(t.Context(), c, "read -P 0x22 0 1024"); err != nil {
				t.Errorf("%s, the older place: %v: %s", when, err, out)
			}
		}
		all := listed(t, p, "")
		if a, b := all[vid], all[id]; len(a.GetUses()) != 1 || len(b.GetUses()) != 2 || a.GetEpoch() != 2 || b.GetEpoch() != 0 || b.GetState() != pb.VolumeState_VOLUME_STATE_IN_USE {
			t.Errorf("%s: %v", when, all)
		}
	}
	reads("at first", p)
	if again, err := p.Export(t.Context(), toRead(o, id, "r1", there(2))); err != nil || again.GetConnection().String() != r.GetConnection().String() {
		t.Errorf("again: %v, %v", again, err)
	}
	s.killTgtd()
	later := s.provider(Hooks{})
	<-later.looked
	reads("after a crash", later)

	for _, what := range []*pb.DeleteVolumeRequest{{Id: id}, {Id: vid}} {
		if err := p.DeleteVolume(t.Context(), what); sdk.KindOf(err) != sdk.Busy {
			t.Errorf("removing %s in use: %v, want Busy", what.GetId(), err)
		}
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: vid, AttachmentId: "w2"}); err != nil {
		t.Error(err)
	}
	if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: vid}); sdk.KindOf(err) != sdk.Busy || len(listed(t, p, "")) != 2 {
		t.Errorf("removing what is read in one place: %v, want Busy, and both to stay", err)
	}
	// It is found by the volume's name too.
	for attachment, name := range map[string]string{"r1": id, "r2": vid} {
		if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: name, AttachmentId: attachment}); err != nil {
			t.Error(err)
		}
	}
	if out, err := qemuIO(t.Context(), r.GetConnection(), "read 0 512"); err == nil {
		t.Errorf("after the end it is still read: %s", out)
	}
	if _, err := p.Export(t.Context(), toRead(o, vid, "r1", there(2))); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("an attachment that was ended in the other place: %v, want Conflict", err)
	}
	if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: vid + "@vault"}); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("removing the newest place alone: %v, want Conflict", err)
	}
	if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: id}); err != nil {
		t.Error(err)
	}
	if all := listed(t, p, ""); len(all) != 1 || all[vid].GetMessage() != "" {
		t.Errorf("what is left: %v", all)
	}
	s.empty(p)
}

// An older directory is mounted by its own name, for reading, while the volume itself
// is written; a lock that came with a copy is given back by that name.
func TestOlderDirectoryIsRead(t *testing.T) {
	t.Parallel()
	needs(t, "ganesha.nfsd", "nfs-ls", "nfs-cp")
	s, _ := twin(t)
	s.settings["nfs_address"], s.settings["nfs_clients"] = fmt.Sprintf("127.0.0.1:%d", freePorts(t)), []string{"127.0.0.1"}
	p := s.provider(Hooks{})
	t.Cleanup(func() { _ = p.store.shares.Stop(context.Background()) })
	v := directory(t, p)
	// It was made in the other vault; of places that were never written the first counts.
	vid, id := v.GetId(), v.GetId()+"@other"
	if _, err := p.LockVolume(t.Context(), &pb.LockVolumeRequest{Id: vid, Lock: &pb.VolumeLock{Holder: "b ada"}}); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, v.GetPlace(), s.vault)
	if now, err := p.UnlockVolume(t.Context(), &pb.UnlockVolumeRequest{Id: id, Holder: "b ada"}); err != nil || now.GetId() != id || now.GetLock() != nil {
		t.Errorf("%v, %v", now, err)
	}
	now, err := p.UnlockVolume(t.Context(), &pb.UnlockVolumeRequest{Id: vid, Holder: "eve"})
	if sdk.KindOf(err) != sdk.Denied {
		t.Errorf("the volume's own lock: %v, %v, want Denied", now, err)
	}
	if _, err := p.UnlockVolume(t.Context(), &pb.UnlockVolumeRequest{Id: vid, Holder: "b ada"}); err != nil {
		t.Fatal(err)
	}
	w, err := p.Export(t.Context(), export(owner(), vid, "w1", mounter()))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "new")
	if err := os.WriteFile(file, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("nfs-cp", file, nfsURL(t, w.GetConnection(), "/new")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, err := p.Export(t.Context(), toRead(owner(), id, "r1", mounter()))
	if err != nil || r.GetEpoch() != 0 {
		t.Fatalf("%v, %v", r, err)
	}
	if out, err := exec.Command("nfs-ls", nfsURL(t, r.GetConnection(), "/")).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("hello")) || bytes.Contains(out, []byte("new")) {
		t.Errorf("the older place: %v: %s", err, out)
	}
	if out, err := exec.Command("nfs-cp", file, nfsURL(t, r.GetConnection(), "/more")).CombinedOutput(); err == nil {
		t.Errorf("it is written: %s", out)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: id, AttachmentId: "r1"}); err != nil || mounts(t, r.GetConnection()) {
		t.Errorf("after the end it is still mounted, %v", err)
	}
	if !mounts(t, w.GetConnection()) {
		t.Error("the volume itself is not served any more")
	}
	s.empty(p)
}

// What is read where the place that is written cannot be: a copy that has all that was
// written, and never one that may be older unless it is asked for.
func TestReadWithoutAuthority(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	for name, tt := range map[string]struct {
		// copied makes the other place, then lost takes the first one.
		copied func(t *testing.T, p *Provider, o *pb.Owner, v *pb.Volume, other string)
		lost   func(t *testing.T, s *site, folder string)
		// other is whether the other place is read, as the volume; writable whether it is written.
		other, writable bool
		kind            sdk.Kind
	}{
		"a copy but the image is gone":              {copied: copyWhole, lost: loseImage, other: true},
		"a copy but the image has two names":        {copied: copyWhole, lost: linkImage, other: true},
		"a copy but the folder is gone":             {copied: copyWhole, lost: loseFolder, other: true, writable: true},
		"a copy but the metadata are damaged":       {copied: copyWhole, lost: spoilMeta, kind: sdk.Conflict},
		"a copy but the vault is not there":         {copied: copyWhole, lost: loseVault, kind: sdk.Unavailable},
		"an older copy but the image is gone":       {copied: copyOlder, lost: loseImage, kind: sdk.Conflict},
		"a copy while in use but the image is gone": {copied: copyInUse, lost: loseImage, kind: sdk.Conflict},
		"a copy but the volume is reverted since":   {copied: copyAndRevert, lost: loseImage, kind: sdk.Conflict},
		"a copy but the volume has grown since":     {copied: copyAndGrow, lost: loseImage, kind: sdk.Conflict},
		"a copy of the same epoch written in both":  {copied: writeBoth, lost: loseNothing, kind: sdk.Conflict},
		"a copy":                       {copied: copyWhole, lost: loseNothing, writable: true},
		"a copy made while it is read": {copied: copyWhileRead, lost: loseNothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, other := twin(t)
			p := s.provider(Hooks{})
			req, v := filled(t, p, "qcow2")
			o, vid := req.GetOwner(), v.GetId()
			writeOnce(t, p, o, vid, "w1")
			tt.copied(t, p, o, v, other)
			tt.lost(t, s, v.GetPlace())
			x, err := p.Export(t.Context(), toRead(o, vid, "r1", here()))
			switch file := x.GetConnection().GetFile().GetFile(); {
			case tt.kind != "":
				if sdk.KindOf(err) != tt.kind || !hints(err, vid+"@other") {
					t.Errorf("%v: want %s, with %s@other", err, tt.kind, vid)
				}
			case err != nil || strings.HasPrefix(file, other) != tt.other:
				t.Errorf("%q, %v is read: want the other %v", file, err, tt.other)
			default:
				if now, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: vid}); err != nil || strings.HasPrefix(now.GetPlace(), other) != tt.other || x.GetEpoch() != now.GetEpoch() {
					t.Errorf("it is said to be read in %s, %v", now.GetPlace(), err)
				}
			}
			// The other place is read by its name in any case.
			x, err = p.Export(t.Context(), toRead(o, vid+"@other", "r2", here()))
			if err != nil || !strings.HasPrefix(x.GetConnection().GetFile().GetFile(), other) {
				t.Errorf("by its own name: %v, %v", x, err)
			}
			for _, id := range []string{"r1", "r2"} {
				for _, name := range []string{vid, vid + "@other"} {
					if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: name, AttachmentId: id}); err != nil && sdk.KindOf(err) != sdk.Unavailable {
						t.Errorf("%s of %s: %v", id, name, err)
					}
				}
			}
			if _, err := p.Export(t.Context(), export(o, vid, "w9", here())); (err == nil) != tt.writable {
				t.Errorf("for writing: %v", err)
			}
		})
	}
}

func hints(err error, text string) bool {
	e, ok := errors.AsType[*sdk.Error](err)
	return ok && strings.Contains(e.Hint, text)
}

func copyWhole(t *testing.T, _ *Provider, _ *pb.Owner, v *pb.Volume, other string) {
	copyFolder(t, v.GetPlace(), other)
}

func copyOlder(t *testing.T, p *Provider, o *pb.Owner, v *pb.Volume, other string) {
	copyWhole(t, p, o, v, other)
	writeOnce(t, p, o, v.GetId(), "w2")
}

// halfWay copies a volume while it is written.
func copyInUse(t *testing.T, p *Provider, o *pb.Owner, v *pb.Volume, other string) {
	if _, err := p.Export(t.Context(), export(o, v.GetId(), "w2", here())); err != nil {
		t.Fatal(err)
	}
	copyWhole(t, p, o, v, other)
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "w2"}); err != nil {
		t.Fatal(err)
	}
}

func copyAndRevert(t *testing.T, p *Provider, o *pb.Owner, v *pb.Volume, other string) {
	shot, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"})
	if err != nil {
		t.Fatal(err)
	}
	copyWhole(t, p, o, v, other)
	if _, err := p.RevertVolume(t.Context(), &pb.RevertVolumeRequest{VolumeId: v.GetId(), SnapshotId: shot.GetId()}); err != nil {
		t.Fatal(err)
	}
}

func copyAndGrow(t *testing.T, p *Provider, o *pb.Owner, v *pb.Volume, other string) {
	copyWhole(t, p, o, v, other)
	if _, err := p.ResizeVolume(t.Context(), &pb.ResizeVolumeRequest{Id: v.GetId(), SizeBytes: 1 << 28}); err != nil {
		t.Fatal(err)
	}
}

// bothWritten has the copy written where nobody knows of the volume.
func writeBoth(t *testing.T, p *Provider, o *pb.Owner, v *pb.Volume, other string) {
	away := v.GetPlace() + ".away"
	copyWhole(t, p, o, v, other)
	if err := os.Rename(v.GetPlace(), away); err != nil {
		t.Fatal(err)
	}
	writeOnce(t, p, o, v.GetId(), "w2")
	there := filepath.Join(other, filepath.Base(v.GetPlace()))
	hidden := there + ".away"
	if err := os.Rename(there, hidden); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(away, v.GetPlace()); err != nil {
		t.Fatal(err)
	}
	writeOnce(t, p, o, v.GetId(), "w3")
	if err := os.Rename(hidden, there); err != nil {
		t.Fatal(err)
	}
}

// whileRead copies a volume while it is read: the machine is not served by the copy.
func copyWhileRead(t *testing.T, p *Provider, o *pb.Owner, v *pb.Volume, other string) {
	if _, err := p.Export(t.Context(), toRead(o, v.GetId(), "r0", here())); err != nil {
		t.Fatal(err)
	}
	copyWhole(t, p, o, v, other)
	f, err := p.store.find(t.Context(), v.GetId()+"@other")
	if err != nil || len(f.State.Uses) != 1 || copied(f.Volume, f.State.Uses[0]) == nil || len(standing(f.Volume, "file")) != 0 {
		t.Errorf("the copy is served by %v, %v", f.State.Uses, err)
	}
}

func loseNothing(*testing.T, *site, string) {}

func loseImage(t *testing.T, _ *site, folder string) {
	if err := os.Remove(filepath.Join(folder, "data.img")); err != nil {
		t.Fatal(err)
	}
}

func linkImage(t *testing.T, _ *site, folder string) {
	if err := os.Link(filepath.Join(folder, "data.img"), filepath.Join(t.TempDir(), "second")); err != nil {
		t.Fatal(err)
	}
}

func spoilMeta(t *testing.T, _ *site, folder string) {
	if err := os.WriteFile(filepath.Join(folder, "meta.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func loseFolder(t *testing.T, _ *site, folder string) {
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
}

// loseVault is what a file system does that is not mounted any more.
func loseVault(t *testing.T, s *site, folder string) {
	loseFolder(t, s, folder)
	if err := os.Rename(s.vault, s.vault+"-away"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Rename(s.vault+"-away", s.vault) })
}

// A vault that has a volume twice has one place of it, and says what is wrong.
func TestTwiceInTheOtherVault(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	s, other := twin(t)
	p := s.provider(Hooks{})
	_, v := volume(t, p, "raw", 1<<27)
	for _, dir := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(other, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		copyFolder(t, v.GetPlace(), filepath.Join(other, dir))
	}
	n := 0
	if err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{}, func(*pb.Volume) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d listed, want 2, %v", n, err)
	}
	if faults := listed(t, p, "")[v.GetId()+"@other"].GetFaults(); len(faults) != 1 || !strings.Contains(faults[0], "twice") {
		t.Errorf("%v, want that it is there twice", faults)
	}
}

// Which vault a place's name means, and what is none.
func TestPlaceNames(t *testing.T) {
	s := &store{vaults: []*place{{name: "fast"}, {name: "slow"}}}
	for id, want := range map[string]string{"x@fast": "x fast", "x@y@slow": "x@y slow", "x@other": "", "x": "", "@fast": "", "x@": "", "": ""} {
		got := ""
		if vid, at := s.placeNamed(id); at != nil {
			got = vid + " " + at.name
		}
		if got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}
