package kvm

import (
	"os"
	"slices"
	"strings"
	"testing"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// QEMU locks the files that it opens: a second writer is Busy, and hears who the
// first is. Readers may be many.
func TestAttachFile(t *testing.T) {
	l := theLab(t)
	p, one := machineOn(t, l, 0)
	_, two := machineOn(t, l, 0)
	path := blank(t, "", 4<<20)
	attach(t, p, one, fileAttachment(t, p, "w-1", path, "raw", false))
	_, err := tryAttach(t.Context(), p, two, fileAttachment(t, p, "w-2", path, "raw", false))
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), one.GetName()) {
		t.Errorf("a second writer: %v, want Busy and the name of %s", err, one.GetName())
	}
	if have := wiredAs(t, p, two.GetId(), "w-2"); have != (wired{}) {
		t.Errorf("the second writer leaves %+v", have)
	}
	if _, err := tryAttach(t.Context(), p, two, fileAttachment(t, p, "r-2", path, "raw", true)); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("a reader beside a writer: %v, want Busy", err)
	}
	shared := blank(t, "", 1<<20)
	attach(t, p, one, fileAttachment(t, p, "r-1", shared, "raw", true))
	attach(t, p, two, fileAttachment(t, p, "r-2", shared, "raw", true))

	// What has grown is seen by the machine that runs.
	if err := os.Truncate(path, 6<<20); err != nil {
		t.Fatal(err)
	}
	attach(t, p, one, fileAttachment(t, p, "w-1", path, "raw", false))
	if size := sizeOf(t, p, one.GetId(), "w-1"); size != 6<<20 {
		t.Errorf("the machine sees %d bytes of a file that has grown to %d", size, 6<<20)
	}
	// What is exported anew by another way is taken by the next start alone.
	moved := blank(t, "", 1<<20)
	if _, err := tryAttach(t.Context(), p, one, fileAttachment(t, p, "r-1", moved, "raw", true)); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("another way to a disk of a machine that runs: %v, want Busy", err)
	}
	setPower(t, p, one, pb.SetPowerRequest_ACTION_STOP_HARD)
	attach(t, p, one, fileAttachment(t, p, "r-1", moved, "raw", true))
	setPower(t, p, one, pb.SetPowerRequest_ACTION_START)
	got, err := p.Get(t.Context(), &pb.GetRequest{Id: one.GetId()})
	if err != nil || len(got.GetAttachments()) != 2 || !slices.ContainsFunc(got.GetAttachments(), func(a *pb.Attachment) bool {
		return a.GetId() == "r-1" && a.GetConnection().GetFile().GetFile() == moved && a.GetConnection().GetReadOnly()
	}) {
		t.Errorf("after the start: %v, %v", got.GetAttachments(), err)
	}
	// A machine that is off locks nothing, and the start of one whose file is taken
	// says so.
	setPower(t, p, one, pb.SetPowerRequest_ACTION_STOP_HARD)
	attach(t, p, two, fileAttachment(t, p, "w-2", path, "raw", false))
	_, err = p.SetPower(t.Context(), &pb.SetPowerRequest{Id: one.GetId(), Action: pb.SetPowerRequest_ACTION_START})
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), two.GetName()) {
		t.Errorf("start while another machine has the file: %v, want Busy and the name of %s", err, two.GetName())
	}
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Id: two.GetId(), Owner: &pb.Owner{Broker: two.GetOwner().GetBroker()}}); err != nil {
		t.Fatal(err)
	}
	setPower(t, p, one, pb.SetPowerRequest_ACTION_START)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("Delete of a machine: %v", err)
	}
}

func sizeOf(t *testing.T, p *Provider, id, attachment string) uint64 {
	t.Helper()
	w, err := p.places[0].wiring(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	size, err := hosts.Ask(t.Context(), p.places[0].host, "size", func(c *libvirt.Connect) (uint64, error) {
		d, err := c.LookupDomainByUUIDString(id)
		if err != nil {
			return 0, err
		}
		defer d.Free()
		info, err := d.GetBlockInfo(link.Find(w.live, attachment).Target.Dev, 0)
		if err != nil {
			return 0, err
		}
		return info.Capacity, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// A file's holder is a domain that runs and has it as a disk: by its claim if it is
// Meson's, else by its name.
func TestHolderOf(t *testing.T) {
	disk := func(file string) string {
		return "<domain><devices><disk type='file'><source file='" + file + "'/></disk></devices></domain>"
	}
	doms := []*hosts.Domain{
		{UUID: "self", Name: "self", ID: 1, XML: disk("/v/a")},
		{UUID: "off", Name: "off", XML: disk("/v/a")},
		{UUID: "like", Name: "like", ID: 2, XML: disk("/v/a2")},
		{UUID: "it", Name: "it", ID: 3, XML: disk("/v/a")},
	}
	for file, want := range map[string]string{"/v/a": "domain it", "/v/a2": "domain like", "/v/b": "", "": ""} {
		if have := holderOf(doms, "self", file); have != want {
			t.Errorf("%q: %q, want %q", file, have, want)
		}
	}
}
