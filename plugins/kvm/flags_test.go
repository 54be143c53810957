package kvm

import (
	"slices"
	"testing"

	"github.com/mesoncloud/meson/sdk/pb"
)

// What a host of the lab can give a guest is known, wherever libvirt can say it:
// a flag it has is granted, one it has not is refused by name.
func TestFlagsOfARealHostAreKnown(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("boot", l.hosts()[0]), Hooks{})
	answer := func(flags ...string) (offers []*pb.Offer, reasons []*pb.Reason) {
		ask := bootPledge()
		ask.CpuFlags, ask.Strict = flags, true
		err := p.Offer(t.Context(), &pb.OfferRequest{Provider: p.name, Pledge: ask, ForHours: 1}, func(r *pb.OfferResponse) error {
			offers, reasons = append(offers, r.GetOffers()...), append(reasons, r.GetReasons()...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return offers, reasons
	}
	offers, reasons := answer("sse2", "aes")
	if len(offers) != 1 || slices.Contains(offers[0].GetUnknown(), "flags") {
		t.Errorf("sse2 and aes: %v, %v", offers, reasons)
	}
	offers, reasons = answer("sse2", "amx_tile")
	if len(offers) != 0 || len(reasons) == 0 || reasons[0].GetField() != "flags" {
		t.Errorf("amx_tile, which emulation has not: %v, %v", offers, reasons)
	}

	name := unique(t)
	ask := bootPledge()
	ask.CpuFlags = []string{"aes", "sse2"}
	req := labRequest(t, p, name, name, ask)
	t.Cleanup(func() { away(t, p, req.GetOwner()) })
	if inst := until(t, p, req); inst.GetState() != pb.InstanceState_INSTANCE_STATE_RUNNING {
		t.Errorf("a machine with these flags is %s", inst.GetState())
	}
}
