package iscsi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

func conversionOf(v *pb.Volume, to string) *pb.ConvertVolumeRequest {
	return &pb.ConvertVolumeRequest{Id: v.GetId(), Format: to}
}

// converted repeats a ConvertVolume as a broker does.
func converted(t *testing.T, p *Provider, v *pb.Volume, to string) *pb.Volume {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		now, err := p.ConvertVolume(t.Context(), conversionOf(v, to))
		if err != nil {
			t.Fatalf("to %s: %v", to, err)
		}
		if now.GetFormat() == to {
			return now
		}
		if now.GetProgress().GetStep() != "convert" {
			t.Fatalf("to %s: it is %s, and its progress is %v", to, now.GetFormat(), now.GetProgress())
		}
	}
	t.Fatalf("to %s: it takes more than a minute", to)
	return nil
}

// isImage fails unless qemu-img finds a whole image of a format that stands alone.
func isImage(t *testing.T, path, format string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "qemu-img", "info", "--output=json", path).Output()
	var said struct {
		Format  string `json:"format"`
		Backing string `json:"backing-filename"`
		Bytes   uint64 `json:"virtual-size"`
	}
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if err != nil || said.Format != format || said.Backing != "" || said.Bytes != 1<<27 {
		t.Errorf("%+v, %v: want %s that stands alone", said, err, format)
	}
}

// A volume holds the same in the other format and back, whatever it stood on; its
// snapshots hold what they did, and are gone back to; nothing is left over.
func TestConvert(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon", "qemu-io")
	for from, to := range map[string]string{"raw": "qcow2", "qcow2": "raw"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p := s.provider(Hooks{})
			req, v := filled(t, p, from)
			for _, format := range []string{from, to, to, from} {
				now := converted(t, p, v, format)
				if now.GetSpec().GetSizeBytes() != 1<<27 || now.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE {
					t.Errorf("%v", now)
				}
				isImage(t, filepath.Join(v.GetPlace(), "data.img"), format)
				holdsStamp(req)(t, p)
			}
			tidied(t, s, p, v)

			one, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "before"})
			if err != nil {
				t.Fatal(err)
			}
			converted(t, p, v, "raw")
			isImage(t, filepath.Join(v.GetPlace(), "data.img"), "raw")
			holdsStamp(req)(t, p)
			x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", here()))
			if err != nil {
				t.Fatal(err)
			}
			if out, err := qemuIO(t.Context(), x.GetConnection(), "write -P 7 0 1M", "flush"); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
				t.Fatal(err)
			}
			snapshots(t, p, v.GetId(), 1)
			if _, err := p.RevertVolume(t.Context(), &pb.RevertVolumeRequest{VolumeId: v.GetId(), SnapshotId: one.GetId()}); err != nil {
				t.Fatal(err)
			}
			holdsStamp(req)(t, p)
			converted(t, p, v, "raw")
			if err := p.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{VolumeId: v.GetId(), Id: one.GetId()}); err != nil {
				t.Fatal(err)
			}
			holdsStamp(req)(t, p)
			tidied(t, s, p, v)
			s.empty(p)
		})
	}
}

// A clone shares nothing any more once it is converted, and what it was made of stays.
func TestConvertClone(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, v := filled(t, p, "qcow2")
	clone := order(t, p, "qcow2", 1<<27)
	clone.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}
	made := until(t, p, clone)
	converted(t, p, made, "raw")
	isImage(t, filepath.Join(made.GetPlace(), "data.img"), "raw")
	holdsStamp(clone)(t, p)
	holdsStamp(req)(t, p)
	tidied(t, s, p, made)
	s.empty(p)
}

// paused is a provider whose conversions stop once they have opened what they read,
// until they may go on.
func paused(t *testing.T, s *site) (p *Provider, opened, goOn chan struct{}) {
	t.Helper()
	opened, goOn = make(chan struct{}, 9), make(chan struct{})
	p = s.provider(Hooks{Step: func(name string) {
		if name == "convert.opened" {
			opened <- struct{}{}
			<-goOn
		}
	}})
	return p, opened, goOn
}

// Who has a volume is not converted away from it: that is Busy, with who has it. Who
// comes to write while a raw one is read waits; a qcow2 one goes to whoever comes, and
// is not converted.
func TestConvertInUse(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	for from, to := range map[string]string{"raw": "qcow2", "qcow2": "raw"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p, opened, goOn := paused(t, s)
			other := s.provider(Hooks{})
			req, v := filled(t, p, from)
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := other.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			_, err := p.ConvertVolume(t.Context(), conversionOf(v, to))
			if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "attachment a1 of allocation "+req.GetOwner().GetAllocation()) {
				t.Errorf("in use: %v, want Busy, and who has it", err)
			}
			served(x)(t, other)
			if err := other.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
				t.Fatal(err)
			}

			now, err := p.ConvertVolume(t.Context(), conversionOf(v, to))
			if err != nil || now.GetFormat() != from || now.GetProgress().GetStep() != "convert" || now.GetMessage() != "it is being converted to "+to {
				t.Fatalf("%v, %v", now, err)
			}
			<-opened
			if _, err := p.ConvertVolume(t.Context(), conversionOf(v, from)); sdk.KindOf(err) != sdk.Busy {
				t.Errorf("to what it is, meanwhile: %v, want Busy", err)
			}
			x = export(req.GetOwner(), v.GetId(), "a2", there(1))
			_, err = other.Export(t.Context(), x)
			if from == "raw" {
				if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "a conversion has been reading it") {
					t.Errorf("attach: %v, want Busy, and why", err)
				}
				close(goOn)
				converted(t, p, v, to)
				holdsStamp(req)(t, p)
				s.empty(p)
				return
			}
			if err != nil {
				t.Fatalf("attach: %v", err)
			}
			close(goOn)
			for now, err = p.ConvertVolume(t.Context(), conversionOf(v, to)); err == nil && now.GetFormat() != to; {
				now, err = p.ConvertVolume(t.Context(), conversionOf(v, to))
			}
			if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "attachment a2") {
				t.Errorf("%v, %v: want Busy, and who has it", now, err)
			}
			served(x)(t, other)
			if err := other.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a2"}); err != nil {
				t.Fatal(err)
			}
			holdsStamp(req)(t, p)
			converted(t, p, v, to)
			holdsStamp(req)(t, p)
			tidied(t, s, p, v)
			s.empty(p)
		})
	}
}

// A volume that was changed between the two ends of a conversion is not replaced.
func TestConvertChangedMeanwhile(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p, opened, goOn := paused(t, s)
	other := s.provider(Hooks{})
	req, v := filled(t, p, "qcow2")
	if _, err := p.ConvertVolume(t.Context(), conversionOf(v, "raw")); err != nil {
		t.Fatal(err)
	}
	<-opened
	x, err := other.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", here()))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := qemuIO(t.Context(), x.GetConnection(), "write -P 7 64M 1M", "flush"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := other.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	for err == nil {
		_, err = p.ConvertVolume(t.Context(), conversionOf(v, "raw"))
	}
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "used or changed meanwhile") {
		t.Errorf("%v, want Busy", err)
	}
	converted(t, p, v, "raw")
	x, err = other.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a2", here()))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := qemuIO(t.Context(), x.GetConnection(), "read -P 7 64M 1M", "read -P 0x6d 0 1"); err != nil {
		t.Errorf("what was written meanwhile is lost: %v: %s", err, out)
	}
}

// Without room for both files nothing is begun, and it is said how much is missing.
func TestConvertRoom(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	req, v := filled(t, s.provider(Hooks{}), "qcow2")
	s.settings["reserve_gib"] = 1 << 20
	p := s.provider(Hooks{})
	_, err := p.ConvertVolume(t.Context(), conversionOf(v, "raw"))
	if sdk.KindOf(err) != sdk.Exhausted || !strings.Contains(err.Error(), "as raw it takes about 2 MiB") || !strings.Contains(err.Error(), "0 MiB are free") {
		t.Errorf("%v, want Exhausted, and how much is missing", err)
	}
	noReadings(t, s, p)
	if now := one(t, p, req.GetOwner()); now.GetFormat() != "qcow2" {
		t.Errorf("it is %s", now.GetFormat())
	}
	holdsStamp(req)(t, p)
}

// A volume of somebody else's is converted too, by the format that is found once; a
// directory has none.
func TestConvertFound(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	const meta = `{"size": 0.125, "name": "old", "bootable": false, "private": false, "shareable": %v, "readonly": false}`
	old, dir := filepath.Join(s.vault, "old.elimg"), filepath.Join(s.vault, "dir.elimg")
	err := errors.Join(os.Mkdir(old, 0o755), os.MkdirAll(filepath.Join(dir, "data"), 0o755),
		os.WriteFile(filepath.Join(old, "meta.json"), fmt.Appendf(nil, meta, false), 0o600), os.WriteFile(filepath.Join(old, "disk.img"), stamped(), 0o600),
		os.Truncate(filepath.Join(old, "disk.img"), 1<<27), os.WriteFile(filepath.Join(dir, "meta.json"), fmt.Appendf(nil, meta, true), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	p := s.provider(Hooks{})
	v := &pb.Volume{Id: "old"}
	for _, to := range []string{"raw", "qcow2"} {
		converted(t, p, v, to)
		isImage(t, filepath.Join(old, "disk.img"), to)
		got := &sdktest.Comparison{Want: stamped()}
		err := p.ExportVolume(t.Context(), &pb.ExportVolumeRequest{Id: "old", Format: "raw"}, func(uint64) error { return nil }, got)
		if err != nil || got.Bytes != 1<<27 || got.Differs {
			t.Errorf("as %s: %d bytes, other ones: %v, %v", to, got.Bytes, got.Differs, err)
		}
	}
	if _, err := p.ConvertVolume(t.Context(), conversionOf(&pb.Volume{Id: "dir"}, "raw")); sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("a directory: %v, want Unsupported", err)
	}
	if _, err := p.ConvertVolume(t.Context(), conversionOf(&pb.Volume{Id: "none"}, "raw")); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("none: %v, want NotFound", err)
	}
}
