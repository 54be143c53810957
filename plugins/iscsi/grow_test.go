package iscsi

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// openFile is a machine of the vault's host: a QEMU that has the file open, and its
// lock.
func openFile(t *testing.T, c *pb.Connection) *guest {
	t.Helper()
	f := c.GetFile()
	return startOn(t, "driver="+f.GetFormat()+",file.driver=file,file.filename="+f.GetFile())
}

// startOn is a QEMU that has a disk.
func startOn(t *testing.T, disk string) *guest {
	t.Helper()
	g := &guest{t: t, cmd: exec.CommandContext(t.Context(), "stdbuf", "-o0", "qemu-io", "--image-opts", disk)}
	var err error
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.cmd.Stderr, g.out = g.cmd.Stdout, bufio.NewReader(out)
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if said := g.prompted("start"); strings.Contains(said, "an't open") {
		t.Fatal(said)
	}
	return g
}

// byFile is a volume of 128 MiB whose file a machine has open.
func byFile(t *testing.T, p *Provider, format string) (*pb.CreateVolumeRequest, *pb.ExportRequest, *guest) {
	t.Helper()
	req, v := filled(t, p, format)
	x := export(req.GetOwner(), v.GetId(), "a1", here())
	c, err := p.Export(t.Context(), x)
	if err != nil || c.GetConnection().GetFile() == nil {
		t.Fatalf("%v, %v", c, err)
	}
	return req, x, openFile(t, c.GetConnection())
}

func resize(t *testing.T, p *Provider, id string, size uint64, holder bool) (*pb.Volume, error) {
	t.Helper()
	return p.ResizeVolume(t.Context(), &pb.ResizeVolumeRequest{Id: id, SizeBytes: size, HolderGrows: holder})
}

// sized fails the test unless a volume has a size, and grows to another one by an
// attachment; 0: it does not.
func sized(t *testing.T, p *Provider, o *pb.Owner, size, to uint64, by string) {
	t.Helper()
	v := one(t, p, o)
	g := v.GetGrowth()
	if v.GetSpec().GetSizeBytes() != size || g.GetSizeBytes() != to || g.GetAttachmentId() != by || len(v.GetFaults()) > 0 {
		t.Errorf("it has %d bytes and grows to %v, want %d, and to %d by %q; faults %v", v.GetSpec().GetSizeBytes(), g, size, to, by, v.GetFaults())
	}
}

// A file that a machine has open grows by the machine: the vault counts the size
// first, says whose it is to do, and has the volume's size when the file has it.
func TestGrowOpenFile(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-io")
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p := s.provider(Hooks{})
			req, x, machine := byFile(t, p, format)
			if _, err := resize(t, p, x.GetVolumeId(), 1<<28, false); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), req.GetOwner().GetAllocation()) {
				t.Errorf("for a caller who has no machine: %v, want Busy and whose it is", err)
			}
			sized(t, p, req.GetOwner(), 1<<27, 0, "")
			for range 2 {
				v, err := resize(t, p, x.GetVolumeId(), 1<<28, true)
				if err != nil || v.GetGrowth().GetSizeBytes() != 1<<28 || v.GetGrowth().GetAttachmentId() != "a1" || v.GetSpec().GetSizeBytes() != 1<<27 {
					t.Fatalf("%v, %v", v, err)
				}
			}
			sized(t, p, req.GetOwner(), 1<<27, 1<<28, "a1")
			machine.do("truncate 268435456", "write -P 5 255M 1M", "flush")
			if v, err := resize(t, p, x.GetVolumeId(), 1<<28, true); err != nil || v.GetSpec().GetSizeBytes() != 1<<28 || v.GetGrowth() != nil {
				t.Fatalf("%v, %v", v, err)
			}
			if _, err := resize(t, p, x.GetVolumeId(), 1<<27, true); sdk.KindOf(err) != sdk.Invalid {
				t.Errorf("smaller: %v, want Invalid", err)
			}
			// It lets go without having grown the file: the vault does, whoever looks first.
			if _, err := resize(t, p, x.GetVolumeId(), 3<<27, true); err != nil {
				t.Fatal(err)
			}
			machine.end()
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: x.GetVolumeId(), AttachmentId: "a1"}); err != nil {
				t.Fatal(err)
			}
			again := export(req.GetOwner(), x.GetVolumeId(), "a2", here())
			c, err := p.Export(t.Context(), again)
			if err != nil {
				t.Fatal(err)
			}
			sized(t, p, req.GetOwner(), 3<<27, 0, "")
			if out, err := qemuIO(t.Context(), c.GetConnection(), "read -P 0x6d 0 1", "read -P 5 255M 1M", "write -P 6 383M 1M"); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			s.empty(p)
		})
	}
}

// A machine that is off has no file open, though the volume is its own: the vault
// grows it, for callers too who know nothing of machines.
func TestGrowFileOfStoppedMachine(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-io")
	for _, format := range []string{"raw", "qcow2"} {
		s := newSite(t, nil)
		p := s.provider(Hooks{})
		req, x, machine := byFile(t, p, format)
		machine.end()
		if _, err := resize(t, p, x.GetVolumeId(), 1<<28, false); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		sized(t, p, req.GetOwner(), 1<<28, 0, "")
		c, err := p.Export(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		machine = openFile(t, c.GetConnection())
		machine.do("read -P 0x6d 0 1", "write -P 5 255M 1M", "flush")
		machine.end()
		s.empty(p)
	}
}

// What a machine reaches over NBD does not grow under it, and goes on as it is; when
// the machine has let go, it does.
func TestGrowOverNBD(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, v := filled(t, p, "qcow2")
	from := here()
	from.Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", from))
	if err != nil {
		t.Fatal(err)
	}
	name, socket, _ := strings.Cut(strings.TrimPrefix(x.GetConnection().GetNbd().GetUri(), "nbd+unix:///"), "?socket=")
	machine := startOn(t, "driver=nbd,server.type=unix,server.path="+socket+",export="+name)
	machine.do("write -P 7 32M 64k", "flush")
	for _, holder := range []bool{false, true} {
		if _, err := resize(t, p, v.GetId(), 1<<28, holder); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), req.GetOwner().GetAllocation()) {
			t.Errorf("holder grows %v: %v, want Busy and whose it is", holder, err)
		}
	}
	if _, err := resize(t, p, v.GetId(), 1<<27, false); err != nil {
		t.Errorf("to the size that it has: %v", err)
	}
	machine.do("read -P 7 32M 64k", "write -P 9 32M 64k", "flush")
	machine.end()
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
		t.Fatal(err)
	}
	sized(t, p, req.GetOwner(), 1<<27, 0, "")
	if _, err := resize(t, p, v.GetId(), 1<<28, false); err != nil {
		t.Error(err)
	}
	sized(t, p, req.GetOwner(), 1<<28, 0, "")
	s.empty(p)
}

// What a vault has no room for does not grow, in whatever machine it is open; and
// what is counted is not counted twice when its machine has grown it.
func TestGrowOpenFileWithinLimits(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, x, machine := byFile(t, p, "raw")
	if err := os.WriteFile(filepath.Join(s.vault, "settings.json"), []byte(`{"max-size": 0.25}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := resize(t, p, x.GetVolumeId(), 3<<27, true); sdk.KindOf(err) != sdk.Exhausted {
		t.Errorf("above the limit: %v, want Exhausted", err)
	}
	sized(t, p, req.GetOwner(), 1<<27, 0, "")
	for range 2 {
		if v, err := resize(t, p, x.GetVolumeId(), 1<<28, true); err != nil || v.GetGrowth().GetAttachmentId() != "a1" {
			t.Fatalf("up to the limit: %v, %v", v, err)
		}
	}
	if err := p.OfferVolume(t.Context(), &pb.OfferVolumeRequest{Spec: &pb.VolumeSpec{SizeBytes: 1 << 27}, ForHours: 730}, func(r *pb.OfferVolumeResponse) error {
		if len(r.GetOffers()) > 0 {
			return fmt.Errorf("offered: %v", r.GetOffers())
		}
		return nil
	}); err != nil {
		t.Errorf("what a volume grows to is taken: %v", err)
	}
	machine.do("truncate 268435456")
	if v, err := resize(t, p, x.GetVolumeId(), 1<<28, true); err != nil || v.GetSpec().GetSizeBytes() != 1<<28 {
		t.Errorf("%v, %v", v, err)
	}
	machine.end()
	s.empty(p)
}

// grownByMachine is a growth as a broker has it done, killed at every step.
func grownByMachine(format string) func(*testing.T, *site, *Provider) work {
	return func(t *testing.T, _ *site, p *Provider) work {
		req, x, machine := byFile(t, p, format)
		machine.do("truncate 268435456")
		return work{[]proto.Message{&pb.ResizeVolumeRequest{Id: x.GetVolumeId(), SizeBytes: 1 << 28, HolderGrows: true}}, func(t *testing.T, p *Provider) {
			sized(t, p, req.GetOwner(), 1<<28, 0, "")
			machine.end()
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: x.GetVolumeId(), AttachmentId: "a1"}); err != nil {
				t.Error(err)
			}
			holdsStamp(req)(t, p)
		}}
	}
}

// growsWhenFree is a growth that its machine never made.
func growsWhenFree(t *testing.T, _ *site, p *Provider) work {
	req, x, machine := byFile(t, p, "qcow2")
	return work{[]proto.Message{&pb.ResizeVolumeRequest{Id: x.GetVolumeId(), SizeBytes: 1 << 28, HolderGrows: true}}, func(t *testing.T, p *Provider) {
		sized(t, p, req.GetOwner(), 1<<27, 1<<28, "a1")
		machine.end()
		if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: x.GetVolumeId(), AttachmentId: "a1"}); err != nil {
			t.Error(err)
		}
		if _, err := resize(t, p, x.GetVolumeId(), 1<<28, false); err != nil {
			t.Error(err)
		}
		sized(t, p, req.GetOwner(), 1<<28, 0, "")
		holdsStamp(req)(t, p)
	}}
}
