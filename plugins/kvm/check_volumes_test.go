package kvm

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk/pb"
)

// The check says what a host is called where volumes are concerned, and warns of
// what would let one host reach what is another's.
func TestCheckVolumes(t *testing.T) {
	at := func(zone, uuid string) *place {
		p := &place{Site: Site{Zone: zone}}
		p.uuid.Store(&uuid)
		return p
	}
	p := &Provider{places: []*place{at("a", "u1"), at("b", ""), at("c", "u1"), at("d", ""), {Site: Site{Zone: "silent"}}}}
	items := p.checkTwins()
	if len(items) != 1 || items[0].GetVerdict() != pb.CheckItem_VERDICT_WARNING || !strings.Contains(items[0].GetSubject(), "host c") || !strings.Contains(items[0].GetText(), "host a") {
		t.Errorf("hosts of one UUID: %v", items)
	}
	if i := p.places[0].checkVolumes("u1"); i.GetVerdict() != pb.CheckItem_VERDICT_OK || !strings.Contains(i.GetText(), initiatorPrefix+"u1") || !strings.Contains(i.GetText(), "none in volume_dirs") {
		t.Errorf("%v", i)
	}
	if i := p.places[1].checkVolumes(""); i.GetVerdict() != pb.CheckItem_VERDICT_WARNING || i.GetHint() == "" {
		t.Errorf("%v", i)
	}
}
