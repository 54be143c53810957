package kvm

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
	"github.com/mesoncloud/meson/sdk/pb"
)

const eccConfig = `{"free":true,"ecc":true,"groups":[
	{"name":"new","hosts":[{"uri":"qemu+ssh://smt/system"},{"uri":"qemu+ssh://gpu/system","ecc":false}]},
	{"name":"old","ecc":false,"hosts":[{"uri":"qemu+ssh://small/system"},{"uri":"qemu+ssh://lab/system","ecc":true}]}],
	"images":[{"os_family":"linux","file":"/srv/debian12.qcow2",` + imageSum + `}]}`

// What is nearer to the host wins, and what nobody states is unknown.
func TestECCStated(t *testing.T) {
	want := map[string]inventory.Tristate{"smt": inventory.Yes, "gpu": inventory.No, "small": inventory.No, "lab": inventory.Yes}
	for _, s := range decode(t, eccConfig).Sites() {
		if s.ECC != want[s.Zone] {
			t.Errorf("%s: %s, want %s", s.Zone, s.ECC, want[s.Zone])
		}
	}
	if s := decode(t, `{"uri":"qemu:///system","free":true}`).Sites()[0]; s.ECC != inventory.Unknown {
		t.Errorf("nothing stated: %s", s.ECC)
	}
}

// A pledge that insists on ECC gets the hosts of which it is stated, and the
// offer says that it is no more than that.
func TestECCOffered(t *testing.T) {
	c := decode(t, eccConfig)
	list, err := c.PriceList(offerTime)
	if err != nil {
		t.Fatal(err)
	}
	var all []Snapshot
	for _, s := range c.Sites() {
		src := inventorytest.Source(t, s.Zone)
		src.Accelerator, src.ECC = inventory.AcceleratorKVM, s.ECC
		h, err := inventory.Build(src)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Snapshot{Site: s, Host: h})
	}
	answer, err := Offers(c, list, all, offerRequest(func(p *pb.Pledge) { p.Strict, p.RequireEcc, p.MemoryMib = true, true, 1024 }), offerTime)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range answer.GetOffers() {
		if z := o.GetZone(); z != "smt" && z != "lab" || o.GetFacts()["ecc"] != "yes, stated by the operator" {
			t.Errorf("%s is offered with ecc=%s", z, o.GetFacts()["ecc"])
		}
	}
	refused := map[string]bool{}
	for _, r := range answer.GetReasons() {
		refused[r.GetCandidate()] = refused[r.GetCandidate()] || r.GetField() == "reqECC"
	}
	if len(answer.GetOffers()) == 0 || !refused["gpu"] || !refused["small"] {
		t.Errorf("%d offers; reasons: %v", len(answer.GetOffers()), answer.GetReasons())
	}
}

func TestCheckECC(t *testing.T) {
	const yes, no, unknown = inventory.Yes, inventory.No, inventory.Unknown
	for _, test := range []struct {
		kernel, operator inventory.Tristate
		verdict          pb.CheckItem_Verdict
		text             string
	}{
		{unknown, unknown, pb.CheckItem_VERDICT_OK, "unknown: libvirt does not tell"},
		{unknown, yes, pb.CheckItem_VERDICT_OK, "yes, stated by the operator"},
		{yes, unknown, pb.CheckItem_VERDICT_OK, "yes, the host's kernel says"},
		{yes, yes, pb.CheckItem_VERDICT_OK, "yes, the host's kernel says"},
		{no, yes, pb.CheckItem_VERDICT_WARNING, "the settings say yes, the host's kernel (EDAC) says no"},
		{yes, no, pb.CheckItem_VERDICT_WARNING, "the settings say no, the host's kernel (EDAC) says yes"},
	} {
		src := inventorytest.Source(t, "smt")
		src.EDAC, src.ECC = test.kernel, test.operator
		h, err := inventory.Build(src)
		if err != nil {
			t.Fatal(err)
		}
		at := &place{Site: Site{Zone: "smt", ECC: test.operator}}
		if item := at.checkECC(h); item.GetVerdict() != test.verdict || !strings.HasPrefix(item.GetText(), test.text) {
			t.Errorf("kernel %s, operator %s: %v", test.kernel, test.operator, item)
		}
	}
}
