package host

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What a plugin says of an offer goes back to it in Create: a field that got lost
// on the way would be missed there.
func TestOffersGoBackAsTheyCame(t *testing.T) {
	w := goodOffer("a")
	w.Region, w.Unknown, w.QuoteOnly = "r", []string{"reqECC"}, "no credentials"
	w.Consumer = &pb.Consumer{
		Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_NATIVE}, Host: "h",
		Networks: []string{"san"}, InitiatorIqn: "iqn.2026-01.dev.meson:h", Provider: "p", Zone: "z", GuestMounts: true,
	}
	w.Facts = map[string]string{"accelerator": "tcg"}
	w.Quantities[0] = &pb.Quantity{Sku: "core", Amount: "4", Divisor: 3, Text: "a third", Included: true}
	for _, m := range []proto.Message{w, w.GetQuantities()[0], w.GetConsumer()} {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if !m.ProtoReflect().Has(fields.Get(i)) {
				t.Errorf("no sample sets %s: set it, and see whether it comes back", fields.Get(i).FullName())
			}
		}
	}
	in := &offersIn{provider: &Provider{}, pledge: pledge()}
	if err := in.wrong(w); err != nil {
		t.Fatal(err)
	}
	if got := offerToPB(in.offer(w)); !proto.Equal(w, got) {
		t.Errorf("it came as %v\nit goes as %v", w, got)
	}
}

// An offer that cannot be bought never becomes one that can, whatever it says.
func TestQuoteOnly(t *testing.T) {
	for said, want := range map[string]string{
		"": "", "no credentials": "no credentials", " no\x1b credentials\n": "no credentials",
		"\x00": "the plugin does not say why", " \u202e\t": "the plugin does not say why",
	} {
		w := goodOffer("a")
		w.QuoteOnly = said
		in := &offersIn{provider: &Provider{}, pledge: pledge(), query: core.OfferQuery{}}
		if got := in.offer(w).QuoteOnly; got != want {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
	w := goodOffer("a")
	w.QuoteOnly = strings.Repeat("x", 1<<20)
	in := &offersIn{provider: &Provider{}, pledge: pledge()}
	if got := in.offer(w).QuoteOnly; len(got) != maxText {
		t.Errorf("a reason of %d bytes", len(got))
	}
}
