package iscsi

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Each way carries what was written by it to the next one, and nobody else gets in.
// Zeros that a guest writes are zeros also where it lets them be unmapped, and less than
// a cluster of the image.
func TestEveryWay(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	only := func(from *pb.Consumer, k pb.ConnectionKind) *pb.Consumer {
		from.Kinds = []pb.ConnectionKind{k}
		return from
	}
	for _, format := range []string{"raw", "qcow2"} {
		req, v := volume(t, p, format, 1<<27)
		ways := []*pb.Consumer{
			only(here(), pb.ConnectionKind_CONNECTION_KIND_FILE), only(here(), pb.ConnectionKind_CONNECTION_KIND_NBD),
			only(here(), pb.ConnectionKind_CONNECTION_KIND_ISCSI), there(1),
		}
		reads := []string{}
		for i, from := range ways {
			id := "w" + string(rune('0'+i))
			x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), id, from))
			if err != nil {
				t.Fatalf("%s, way %d: %v", format, i, err)
			}
			if x.GetEpoch() != uint64(i+1) {
				t.Errorf("%s, way %d: epoch %d", format, i, x.GetEpoch())
			}
			write := "write -P " + string(rune('1'+i)) + " " + string(rune('0'+i)) + "M 64k"
			if out, err := qemuIO(t.Context(), x.GetConnection(), append(append([]string{}, reads...), write, "flush", "write -P 9 64M 512k", "write -z -u 65540k 300k", "read -P 9 64M 4k", "read -P 0 65540k 300k", "read -P 9 65840k 4k")...); err != nil {
				t.Errorf("%s, way %d: %v: %s", format, i, err, out)
			}
			reads = append(reads, strings.Replace(write, "write", "read", 1))
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: id}); err != nil {
				t.Errorf("%s, way %d: %v", format, i, err)
			}
			if kind := kindOfConnection(x.GetConnection()); kind != "file" {
				if out, err := qemuIO(t.Context(), x.GetConnection(), "read 0 512"); err == nil {
					t.Errorf("%s, way %d: it can still be read: %s", format, i, out)
				}
			}
			if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), id, from)); sdk.KindOf(err) != sdk.Conflict {
				t.Errorf("%s, way %d: the id of an attachment that was ended: %v, want Conflict", format, i, err)
			}
		}
	}
	s.empty(p)
}

func kindOfConnection(c *pb.Connection) string {
	switch c.GetPath().(type) {
	case *pb.Connection_File:
		return "file"
	case *pb.Connection_Nbd:
		return "nbd"
	}
	return "iscsi"
}

// A machine that opens the file itself is asked, by its own lock, whether it has let
// go: without force that is Busy, by force Uncertain, and the record stands.
func TestFileThatIsStillOpen(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, v := volume(t, p, "raw", 1<<27)
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", here()))
	if err != nil || x.GetConnection().GetFile() == nil {
		t.Fatalf("%v, %v", x, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	guest := exec.CommandContext(ctx, "qemu-io", "--image-opts", "driver=raw,file.driver=file,file.locking=on,file.filename="+x.GetConnection().GetFile().GetFile())
	in, err := guest.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := guest.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := guest.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("read 0 512\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	unexport := &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}
	if err := p.Unexport(t.Context(), unexport); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), req.GetOwner().GetAllocation()) {
		t.Errorf("while it is open: %v, want Busy and who has it", err)
	}
	unexport.Force = true
	if err := p.Unexport(t.Context(), unexport); sdk.KindOf(err) != sdk.Uncertain {
		t.Errorf("by force: %v, want Uncertain", err)
	}
	if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a2", there(1))); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("another writer meanwhile: %v, want Busy", err)
	}
	stop()
	_ = guest.Wait()
	unexport.Force = false
	if err := p.Unexport(t.Context(), unexport); err != nil {
		t.Error(err)
	}
	if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a2", there(1))); err != nil {
		t.Error(err)
	}
	s.empty(p)
}

// Snapshots and growth under a writer over iSCSI: it goes on where it was.
func TestLive(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	for _, format := range []string{"raw", "qcow2"} {
		req, v := filled(t, p, format)
		x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
		if err != nil {
			t.Fatal(err)
		}
		guest := startGuest(t, x.GetConnection())
		guest.do("write -P 7 32M 64k", "flush")
		shot, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"})
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		guest.do("read -P 7 32M 64k", "write -P 9 32M 64k", "flush", "read -P 9 32M 64k")
		if _, err := p.ResizeVolume(t.Context(), &pb.ResizeVolumeRequest{Id: v.GetId(), SizeBytes: 1 << 28}); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		guest.do("read -P 9 32M 64k")
		guest.end()
		if out, err := qemuIO(t.Context(), x.GetConnection(), "read -P 9 32M 64k", "write -P 5 200M 64k"); err != nil {
			t.Errorf("%s, grown: %v: %s", format, err, out)
		}
		again, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
		if err != nil || again.GetConnection().String() != x.GetConnection().String() {
			t.Errorf("%s: the connection is another one, %v", format, err)
		}
		if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
			t.Error(err)
		}
		if _, err := p.RevertVolume(t.Context(), &pb.RevertVolumeRequest{VolumeId: v.GetId(), SnapshotId: shot.GetId()}); err != nil {
			t.Error(err)
		}
		x, err = p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a2", here()))
		if err != nil {
			t.Fatal(err)
		}
		if out, err := qemuIO(t.Context(), x.GetConnection(), "read -P 7 32M 64k"); err != nil {
			t.Errorf("%s, reverted: %v: %s", format, err, out)
		}
	}
	s.empty(p)
}

// What no settings allow is refused.
func TestImagesFromElsewhere(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	s := newSite(t, map[string]any{"image_sources": []string{"/srv/images", "https://images.example/debian/"}})
	p := s.provider(Hooks{})
	for url, want := range map[string]sdk.Kind{
		"/etc/shadow#raw":                              sdk.Denied,
		"/srv/images/../../etc/shadow#raw":             sdk.Denied,
		"/srv/images-too/a.raw":                        sdk.Denied,
		"file:///srv/images/a.raw":                     sdk.Denied,
		"http://images.example/debian/a.qcow2":         sdk.Denied,
		"https://images.example/debian/../a.qcow2":     sdk.Denied,
		"https://images.example@evil/debian/a.qcow2":   sdk.Denied,
		"https://images.example.evil/debian/a.qcow2":   sdk.Denied,
		"https://images.example/debian/a.img":          sdk.Invalid,
		"https://ann:x@images.example/debian/a.qcow2":  sdk.Denied,
		"https://images.example/debian/%2e%2e/x.qcow2": sdk.Denied,
		"/srv/images/a.img":                            sdk.Invalid,
		"no-such-image":                                sdk.Invalid,
		"https://images.example/debian/a.vmdk":         sdk.Invalid,
	} {
		req := order(t, p, "qcow2", 1<<27)
		req.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: url}}
		if _, err := p.CreateVolume(t.Context(), req); sdk.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
	if entries, err := os.ReadDir(s.vault); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: want .meson alone", entries, err)
	}
}
