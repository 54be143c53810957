package upcloud

import (
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// A volume is attached once, told of by every process, let go of once, and refused
// where somebody else has it.
func TestAttach(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	req, other := order1(t, p, nil), order1(t, p, nil)
	in, in2 := until1(t, p, req), until1(t, p, other)
	volume := cl.volume(t, p, in.GetZone())
	for range 2 {
		now, err := p.Attach(t.Context(), attachment(in, "data", volume))
		if err != nil || len(now.GetAttachments()) != 1 || now.GetAttachments()[0].GetVolumeId() != volume {
			t.Fatalf("attach: %v, %v", now.GetAttachments(), err)
		}
	}
	seen, err := cl.provider(t, Hooks{}).Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()})
	if err != nil || len(seen.GetAttachments()) != 1 || seen.GetAttachments()[0].GetId() != "data" {
		t.Errorf("another process sees %v, %v", seen.GetAttachments(), err)
	}
	if st := cl.Stats().Requests; st["attach_storage"] != 1 || st["modify_server"] != 1 {
		t.Errorf("%d attached, %d labelled: want 1 of each", st["attach_storage"], st["modify_server"])
	}
	_, err = p.Attach(t.Context(), attachment(in2, "data", volume))
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), in.GetId()) {
		t.Errorf("attached elsewhere: %v, want Busy with %s", err, in.GetId())
	}
	second := cl.volume(t, p, in.GetZone())
	if _, err := p.Attach(t.Context(), attachment(in, "data", second)); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("the same id for another volume: %v, want Conflict", err)
	}
	for _, a := range []*pb.Attachment{
		{Id: "x", Connection: &pb.Connection{Path: &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd://h/x"}}}},
		{Id: "x", Connection: &pb.Connection{ReadOnly: true, Path: &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: second}}}},
	} {
		if _, err := p.Attach(t.Context(), &pb.AttachRequest{Id: in.GetId(), Attachment: a}); sdk.KindOf(err) != sdk.Invalid {
			t.Errorf("%v: %v, want Invalid", a, err)
		}
	}
	for range 2 {
		now, err := p.Detach(t.Context(), &pb.DetachRequest{Id: in.GetId(), AttachmentId: "data"})
		if err != nil || len(now.GetAttachments()) != 0 {
			t.Errorf("detach: %v, %v", now.GetAttachments(), err)
		}
	}
	// The owner's labels have outlived all of that.
	if s, err := p.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()}); err != nil || s.GetName() != req.GetName() {
		t.Errorf("after it: %v, %v", s, err)
	}
	remove1(t, p, req)
	remove1(t, p, other)
	for _, v := range []string{volume, second} {
		if err := p.api.DeleteStorage(t.Context(), &request.DeleteStorageRequest{UUID: v}); err != nil {
			t.Error(err)
		}
	}
	cl.empty(t)
}

// A machine can be made with volumes, and leaves them behind whole.
func TestCreateWithVolumes(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	volume := cl.volume(t, p, req.GetOffer().GetZone())
	req.Attachments = []*pb.Attachment{attachment(&pb.Instance{}, "data", volume).GetAttachment()}
	in := until1(t, p, req)
	if len(in.GetAttachments()) != 1 || in.GetAttachments()[0].GetVolumeId() != volume {
		t.Errorf("attachments %v", in.GetAttachments())
	}
	// What people have plugged in by themselves is theirs as well, and so is their
	// copy of the machine's own disk.
	disk, err := p.api.GetStorages(t.Context(), &request.GetStoragesRequest{Access: "private"})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range disk.Storages {
		if d.UUID != volume && d.Title != diskTitle(ownKey{req.GetOwner().GetBroker(), req.GetOwner().GetKey()}) {
			t.Errorf("the disk is called %q", d.Title)
		}
	}
	if _, err := p.api.ModifyStorage(t.Context(), &request.ModifyStorageRequest{UUID: volume, Title: "Copy of " + diskTitle(refOf(req.GetOwner(), "").ownKey)}); err != nil {
		t.Fatal(err)
	}
	cd, err := p.api.GetStorages(t.Context(), &request.GetStoragesRequest{Type: "cdrom"})
	if err != nil || len(cd.Storages) == 0 {
		t.Fatal(cd, err)
	}
	if _, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_STOP_HARD}); err != nil {
		t.Fatal(err)
	}
	becomes(t, p, in.GetId(), pb.InstanceState_INSTANCE_STATE_STOPPED)
	if _, err := p.api.AttachStorage(t.Context(), &request.AttachStorageRequest{ServerUUID: in.GetId(), Type: "cdrom", StorageUUID: cd.Storages[0].UUID}); err != nil {
		t.Fatal(err)
	}
	remove1(t, p, req)
	cl.onlyVolume(t, p, volume)
}

// A volume that is somewhere else is refused before anything is made.
func TestCreateWithWrongVolumes(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, atOnce())
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	zone := "fi-hel1"
	if req.GetOffer().GetZone() == zone {
		zone = "fi-hel2"
	}
	volume := cl.volume(t, p, zone)
	for name, c := range map[string]struct {
		volume string
		boot   bool
		kind   sdk.Kind
	}{
		"another zone":   {volume: volume, kind: sdk.Invalid},
		"no such volume": {volume: "01000000-0000-4000-8000-0000000000ff", kind: sdk.Unsupported},
		"to boot from":   {volume: volume, boot: true, kind: sdk.Invalid},
		"no UUID":        {volume: "data", kind: sdk.Invalid},
	} {
		a := attachment(&pb.Instance{}, "data", c.volume).GetAttachment()
		a.Boot = c.boot
		req.Attachments = []*pb.Attachment{a}
		if _, err := p.Create(t.Context(), req); sdk.KindOf(err) != c.kind {
			t.Errorf("%s: %v of kind %q, want %q", name, err, sdk.KindOf(err), c.kind)
		}
	}
	cl.onlyVolume(t, p, volume)
}

// Two processes that ask at the same moment may make two servers of one key: all
// see the same one, and a Delete removes both.
func TestTwoOfOneKey(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	req := order1(t, cl.provider(t, Hooks{}), nil)
	both := make(chan struct{}, 2)
	meet := Hooks{Step: func(name string) {
		if name == "create.looked" {
			both <- struct{}{}
			for len(both) < 2 {
				time.Sleep(time.Millisecond)
			}
		}
	}}
	a, b := cl.provider(t, meet), cl.provider(t, meet)
	done := make(chan error, 2)
	for _, p := range []*Provider{a, b} {
		go func() {
			_, err := p.Create(t.Context(), req)
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	cl.holds(t, 2)
	c, d := cl.provider(t, Hooks{}), cl.provider(t, Hooks{})
	one, err := c.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()})
	if err != nil {
		t.Fatal(err)
	}
	if other, err := d.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()}); err != nil || other.GetId() != one.GetId() {
		t.Errorf("one sees %s, another %s, %v", one.GetId(), other.GetId(), err)
	}
	remove1(t, c, req)
	cl.empty(t)
}
