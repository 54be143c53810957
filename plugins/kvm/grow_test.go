package kvm

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// imageOf makes an image of a format, and says how large it is as nobody but a
// reader of its header does.
func imageOf(t *testing.T, format string, size int64) (path string, sizeOf func() uint64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "volume."+format)
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", format, path, fmt.Sprint(size)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path, func() uint64 {
		t.Helper()
		out, err := exec.Command("qemu-img", "info", "-U", "--output=json", "-f", format, path).Output()
		var info struct {
			Size uint64 `json:"virtual-size"`
		}
		if err == nil {
			err = json.Unmarshal(out, &info)
		}
		if err != nil {
			t.Fatal(err)
		}
		return info.Size
	}
}

func grow(t *testing.T, p *Provider, in *pb.Instance, id string, size uint64) error {
	t.Helper()
	_, err := p.ResizeAttachment(t.Context(), &pb.ResizeAttachmentRequest{Id: in.GetId(), Broker: in.GetOwner().GetBroker(), AttachmentId: id, SizeBytes: size})
	return err
}

// A machine that runs grows the file that it has open, of either format; one that is
// off leaves it to whoever keeps the volume.
func TestResizeAttachment(t *testing.T) {
	l := theLab(t)
	p, in := machineOn(t, l, 0)
	for _, format := range []string{"raw", "qcow2"} {
		path, size := imageOf(t, format, 4<<20)
		attach(t, p, in, fileAttachment(t, p, format, path, format, false))
		for _, step := range []struct{ to, want uint64 }{{4 << 20, 4 << 20}, {6 << 20, 6 << 20}, {6 << 20, 6 << 20}, {5 << 20, 6 << 20}} {
			if err := grow(t, p, in, format, step.to); err != nil {
				t.Fatalf("%s to %d: %v", format, step.to, err)
			}
			if file, disk := size(), sizeOf(t, p, in.GetId(), format); file != step.want || disk != step.want {
				t.Errorf("%s, after it was to have %d: the file has %d bytes, the disk %d, want %d", format, step.to, file, disk, step.want)
			}
		}
		setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
		if err := grow(t, p, in, format, 8<<20); err != nil || size() != 6<<20 {
			t.Errorf("%s of a machine that is off: %d bytes, %v", format, size(), err)
		}
		setPower(t, p, in, pb.SetPowerRequest_ACTION_START)
	}
	read, _ := imageOf(t, "raw", 1<<20)
	attach(t, p, in, fileAttachment(t, p, "reader", read, "raw", true))
	if err := grow(t, p, in, "reader", 2<<20); sdk.KindOf(err) != sdk.Denied {
		t.Errorf("what is only read: %v, want Denied", err)
	}
	if err := grow(t, p, in, "no-such", 2<<20); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("what is not attached: %v, want NotFound", err)
	}
}

// A guest that writes sees its disks grow, writes to their ends, and what it wrote is
// in the files when the machine has let go.
func TestGuestSeesFilesGrow(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("tiny", l.hosts()[1]), Hooks{})
	raw, _ := imageOf(t, "raw", 8<<20)
	qcow2, _ := imageOf(t, "qcow2", 8<<20)
	broker := unique(t)
	req := withVolumes(broker, broker+"-tiny", l.hosts()[1], fileAttachment(t, p, "raw", raw, "raw", false), fileAttachment(t, p, "qcow2", qcow2, "qcow2", false))
	req.Pledge.MemoryMib = 192
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	s, _ := openScreen(t, p, in, false)
	t.Log(s.until(t, "MESON-GUEST ready", 3*time.Minute))
	// It writes all the while.
	s.keys <- "(while :; do dd if=/dev/zero of=/dev/vdc bs=64k count=16 conv=fsync 2>/dev/null; done) & echo wri''ting\r"
	s.until(t, "writing", time.Minute)
	for _, id := range []string{"raw", "qcow2"} {
		if err := grow(t, p, in, id, 24<<20); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	s.keys <- "sleep 1; ready | sed s/MESON-GUEST/LOOK/\r"
	if line := s.until(t, "LOOK ready", time.Minute); !strings.Contains(line, "vdc:24M") || !strings.Contains(line, "vdd:24M") {
		t.Errorf("the guest says %q, want 24M of both", line)
	}
	s.keys <- "kill $!; for d in vdc vdd; do echo \"the end of $d\" | dd of=/dev/$d bs=1M seek=23 conv=fsync 2>/dev/null; done; echo fin''ished\r"
	s.until(t, "finished", time.Minute)
	for id, x := range map[string]struct{ path, dev string }{"raw": {raw, "vdc"}, "qcow2": {qcow2, "vdd"}} {
		if _, err := tryDetach(t.Context(), p, in, id); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		out := filepath.Join(t.TempDir(), "end")
		if said, err := exec.Command("qemu-img", "dd", "-f", id, "-O", "raw", "bs=1M", "skip=23", "if="+x.path, "of="+out).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		head, err := exec.Command("head", "-c", "14", out).Output()
		if err != nil || string(head) != "the end of "+x.dev {
			t.Errorf("%s: after 23 MiB it holds %q, %v", id, head, err)
		}
	}
}
