package sdk

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

func cleanAll[T proto.Message](m T) { cleanMessage(m) }

// cleanOffers does to an answer what cleanMessage would, without reflection,
// which would be half the price of the whole call.
func cleanOffers(m *pb.OfferResponse) {
	for _, o := range m.GetOffers() {
		cleanTexts(&o.Id, &o.Region, &o.Zone, &o.Shape, &o.Arch, &o.PriceListRevision, &o.QuoteOnly)
		for i := range o.Unknown {
			cleanTexts(&o.Unknown[i])
		}
		for _, q := range o.GetQuantities() {
			cleanTexts(&q.Sku, &q.Amount, &q.Text)
		}
		o.Facts = cleanFacts(o.GetFacts())
		if o.GetConsumer() != nil {
			cleanMessage(o.GetConsumer())
		}
	}
	for _, r := range m.GetReasons() {
		cleanTexts(&r.Candidate, &r.Field, &r.Want, &r.Have, &r.Text, &r.Relax)
	}
}

func cleanTexts(texts ...*string) {
	for _, s := range texts {
		if !fits(*s) {
			*s = CleanText(*s, MaxTextBytes)
		}
	}
}

func cleanFacts(facts map[string]string) map[string]string {
	dirty := false
	for k, v := range facts {
		dirty = dirty || !fits(k) || !fits(v)
	}
	if !dirty {
		return facts
	}
	cleaned := make(map[string]string, len(facts))
	for k, v := range facts {
		cleaned[CleanText(k, MaxTextBytes)] = CleanText(v, MaxTextBytes)
	}
	return cleaned
}
