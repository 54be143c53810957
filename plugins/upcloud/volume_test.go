package upcloud

import (
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func offerVolumes(t testing.TB, p *Provider, req *pb.OfferVolumeRequest) *pb.OfferVolumeResponse {
	t.Helper()
	out := &pb.OfferVolumeResponse{}
	err := p.OfferVolume(t.Context(), req, func(r *pb.OfferVolumeResponse) error {
		out.Offers, out.Reasons = append(out.Offers, r.GetOffers()...), append(out.Reasons, r.GetReasons()...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func volumeOrder1(t testing.TB, p *Provider, size uint64) *pb.CreateVolumeRequest {
	t.Helper()
	spec := &pb.VolumeSpec{SizeBytes: size}
	offers := offerVolumes(t, p, &pb.OfferVolumeRequest{Spec: spec, ForHours: 730, Limit: 1}).GetOffers()
	if len(offers) != 1 {
		t.Fatalf("%d offers", len(offers))
	}
	name := "v" + unique()
	return &pb.CreateVolumeRequest{
		Provider: "up", Name: name, Spec: spec, Offer: offers[0],
		Owner: &pb.Owner{Broker: "b-" + name, Allocation: "a-" + name, Key: "k-" + name, Request: "r-" + name},
	}
}

// untilAvailable repeats a CreateVolume as a broker does.
func untilAvailable(t testing.TB, p *Provider, req *pb.CreateVolumeRequest) *pb.Volume {
	t.Helper()
	for give := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		v, err := p.CreateVolume(t.Context(), req)
		if err != nil && !passing(err) {
			t.Fatal(err)
		}
		if v.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE {
			return v
		}
		if time.Now().After(give) {
			t.Fatalf("still not available: %v, %v", v, err)
		}
	}
}

func removeVolume(t testing.TB, p *Provider, req *pb.CreateVolumeRequest) {
	t.Helper()
	for range 2 {
		if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Owner: req.GetOwner()}); err != nil {
			t.Fatal(err)
		}
	}
}

// Offers are of the size that UpCloud sells, in exact order of what they cost, and
// a no has its reason.
func TestVolumeOffers(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, atOnce())
	p := cl.provider(t, Hooks{})
	all := offerVolumes(t, p, &pb.OfferVolumeRequest{Spec: &pb.VolumeSpec{SizeBytes: 12<<30 + 1}, ForHours: 730}).GetOffers()
	list, err := p.PriceList(t.Context())
	if err != nil || len(all) < 3 {
		t.Fatalf("%d offers, %v", len(all), err)
	}
	last := pricing.Money{}
	for i, o := range all {
		quote, err := list.Quoter(pricing.Month).Quote([]pricing.Quantity{{SKU: o.GetQuantities()[0].GetSku(), Amount: o.GetQuantities()[0].GetAmount(), Divisor: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if c, err := quote.Total.Cmp(last); err != nil || c < 0 {
				t.Errorf("%s costs %s, less than the one before, %v", o.GetId(), quote.Total, err)
			}
		}
		last = quote.Total
		if o.GetSizeBytes() != 13<<30 || o.GetPriceListRevision() != list.Revision || o.GetZone() == "" {
			t.Errorf("offer %v", o)
		}
	}
	again := offerVolumes(t, p, &pb.OfferVolumeRequest{Spec: &pb.VolumeSpec{SizeBytes: 12<<30 + 1}, ForHours: 730, OfferId: all[1].GetId()}).GetOffers()
	if len(again) != 1 || again[0].GetId() != all[1].GetId() {
		t.Errorf("asked again by id: %v", again)
	}
	for field, spec := range map[string]*pb.VolumeSpec{
		"size": {SizeBytes: 5000 << 30}, "shareable": {SizeBytes: 1, Shareable: true}, "read_only": {SizeBytes: 1, ReadOnly: true},
		"bootable": {SizeBytes: 1, Bootable: true}, "format": {SizeBytes: 1, Format: "raw"},
	} {
		no := offerVolumes(t, p, &pb.OfferVolumeRequest{Spec: spec, ForHours: 730})
		if len(no.GetOffers()) != 0 || len(no.GetReasons()) != 1 || no.GetReasons()[0].GetField() != field || no.GetReasons()[0].GetRelax() == "" {
			t.Errorf("%s: %v", field, no)
		}
	}
	no := offerVolumes(t, p, &pb.OfferVolumeRequest{
		Spec: &pb.VolumeSpec{SizeBytes: 1}, ForHours: 730, Consumable: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD},
	})
	if len(no.GetOffers()) != 0 || !strings.Contains(no.GetReasons()[0].GetHave(), "native") {
		t.Errorf("for nbd alone: %v", no)
	}
}

// A volume is made once, used by a machine, refuses to go while it is, and goes.
func TestVolumeLife(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	machine := order1(t, p, nil)
	in := until1(t, p, machine)
	req := volumeOrder1(t, p, 20<<30)
	for _, o := range offerVolumes(t, p, &pb.OfferVolumeRequest{Spec: req.GetSpec(), ForHours: 730}).GetOffers() {
		if o.GetZone() == in.GetZone() {
			req.Offer = o
			break
		}
	}
	v := untilAvailable(t, p, req)
	if again := untilAvailable(t, p, req); again.GetId() != v.GetId() || v.GetSpec().GetSizeBytes() != 20<<30 || v.GetSpec().GetBootable() || v.GetName() != req.GetName() {
		t.Errorf("made %v, again %v", v, again)
	}
	if n := cl.Stats().Requests["create_storage"]; n != 1 {
		t.Errorf("%d storages were asked for, want 1", n)
	}
	req.Owner.Request = "another"
	if _, err := p.CreateVolume(t.Context(), req); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("another request: %v, want Conflict", err)
	}
	export := &pb.ExportRequest{VolumeId: v.GetId(), Owner: req.GetOwner(), AttachmentId: "data"}
	var connection *pb.Connection
	for range 2 {
		e, err := p.Export(t.Context(), export)
		if err != nil || e.GetEpoch() != 1 {
			t.Fatalf("export: %v, %v", e, err)
		}
		connection = e.GetConnection()
	}
	export.AttachmentId = "other"
	if _, err := p.Export(t.Context(), export); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "data") {
		t.Errorf("a second export: %v, want Busy with the first", err)
	}
	attach := &pb.AttachRequest{Id: in.GetId(), Attachment: &pb.Attachment{Id: "data", VolumeId: v.GetId(), Connection: connection}}
	if _, err := p.Attach(t.Context(), attach); err != nil {
		t.Fatal(err)
	}
	used, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Owner: req.GetOwner()})
	if err != nil || used.GetState() != pb.VolumeState_VOLUME_STATE_IN_USE || len(used.GetUses()) != 1 || !strings.Contains(used.GetUses()[0].GetHolder(), in.GetId()) {
		t.Errorf("in use: %v, %v", used, err)
	}
	for what, err := range map[string]error{
		"delete":   p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Owner: req.GetOwner()}),
		"unexport": p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "data"}),
	} {
		if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), in.GetId()) {
			t.Errorf("%s while in use: %v, want Busy and by whom", what, err)
		}
	}
	if n := len(listVolumes(t, p, req.GetOwner().GetBroker())); n != 1 {
		t.Errorf("%d volumes of the broker, want 1", n)
	}
	if n := len(listVolumes(t, p, "")); n != 2 {
		t.Errorf("%d disks altogether, want 2", n)
	}
	remove1(t, p, machine)
	for range 2 {
		if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "data"}); err != nil {
			t.Error(err)
		}
	}
	if e, err := p.Export(t.Context(), export); err != nil || e.GetEpoch() != 2 {
		t.Errorf("the next export: %v, %v; want epoch 2", e, err)
	}
	if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("deleted while it is exported: %v, want Busy", err)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "other"}); err != nil {
		t.Error(err)
	}
	removeVolume(t, p, req)
	cl.empty(t)
}

func listVolumes(t *testing.T, p *Provider, broker string) (all []*pb.Volume) {
	t.Helper()
	err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{Broker: broker}, func(v *pb.Volume) error {
		all = append(all, v)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// By force a server lets go.
func TestUnexportByForce(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	machine := order1(t, p, nil)
	in := until1(t, p, machine)
	req := volumeOrder1(t, p, 10<<30)
	req.Offer.Zone = in.GetZone()
	req.Offer.Token = []byte(`{"zone":"` + in.GetZone() + `","tier":"maxiops","gib":10}`)
	v := untilAvailable(t, p, req)
	if _, err := p.Export(t.Context(), &pb.ExportRequest{VolumeId: v.GetId(), Owner: req.GetOwner(), AttachmentId: "data"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Attach(t.Context(), attachment(in, "data", v.GetId())); err != nil {
		t.Fatal(err)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "data", Force: true}); err != nil {
		t.Fatal(err)
	}
	free, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
	if err != nil || free.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE {
		t.Errorf("%v, %v", free, err)
	}
	removeVolume(t, p, req)
	remove1(t, p, machine)
	cl.empty(t)
}
