package render

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// ListedPrice is what one unit of a SKU costs, as programs read it.
type ListedPrice struct {
	SKU        string           `json:"sku"`
	Kind       string           `json:"kind"`
	Unit       string           `json:"unit"`
	Amount     string           `json:"amount"`
	Currency   string           `json:"currency"`
	Free       bool             `json:"free,omitempty"`
	Family     string           `json:"family,omitempty"`
	Text       string           `json:"text,omitempty"`
	Billing    *pricing.Billing `json:"billing,omitempty"`
	Confidence string           `json:"confidence,omitempty"`
	Source     string           `json:"source,omitempty"`
	AsOf       time.Time        `json:"as_of,omitzero"`
}

// NewListedPrice is the document of a price; source and asOf are those of its
// list, for a price that has none of its own.
func NewListedPrice(p *pricing.Price, source string, asOf time.Time) ListedPrice {
	out := ListedPrice{
		SKU: p.SKU, Kind: string(p.Kind), Unit: string(p.Unit), Amount: p.Amount.Amount(), Currency: p.Amount.Currency(), Free: p.Free,
		Family: p.Family, Text: p.Text, Billing: p.Billing, Confidence: p.Confidence, Source: source, AsOf: utc(asOf),
	}
	if p.Source != "" {
		out.Source = p.Source
	}
	if !p.AsOf.IsZero() {
		out.AsOf = p.AsOf.UTC()
	}
	return out
}

// PriceChange is how a price differs between two lists, as programs read it.
// Old or New is not there where the list does not have the SKU.
type PriceChange struct {
	SKU string       `json:"sku"`
	Old *ListedPrice `json:"old,omitempty"`
	New *ListedPrice `json:"new,omitempty"`
	// Consent is why a person has to agree to it.
	Consent string `json:"consent,omitempty"`
}

// NewPriceChanges are the documents of changes, never null.
func NewPriceChanges(changes []pricing.Change) []PriceChange {
	out := make([]PriceChange, 0, len(changes))
	for _, c := range changes {
		d := PriceChange{SKU: c.SKU, Consent: c.Consent}
		if c.Old != nil {
			p := NewListedPrice(c.Old, "", time.Time{})
			d.Old = &p
		}
		if c.New != nil {
			p := NewListedPrice(c.New, "", time.Time{})
			d.New = &p
		}
		out = append(out, d)
	}
	return out
}

// Change says in a few words what a change is, such as "+50.0 %" or "new".
func Change(c pricing.Change) string {
	switch {
	case c.Old == nil:
		return "new"
	case c.New == nil:
		return "gone"
	}
	var words []string
	switch share, ok := changeShare(c.Old.Amount, c.New.Amount); {
	case c.Old.Amount.Currency() != c.New.Amount.Currency():
		words = append(words, "currency")
	case ok:
		words = append(words, share)
	}
	if c.Old.Unit != c.New.Unit {
		words = append(words, "unit")
	}
	if c.Old.Kind != c.New.Kind {
		words = append(words, "kind")
	}
	if c.Old.Family != c.New.Family {
		words = append(words, "family")
	}
	if Billing(c.Old.Billing, c.Old.Unit) != Billing(c.New.Billing, c.New.Unit) {
		words = append(words, "billing")
	}
	return strings.Join(words, ", ")
}

// changeShare is by how many percent an amount changed; false where it did not.
func changeShare(from, to pricing.Money) (string, bool) {
	old, ok := new(big.Rat).SetString(from.Amount())
	fresh, ok2 := new(big.Rat).SetString(to.Amount())
	if !ok || !ok2 || old.Cmp(fresh) == 0 {
		return "", false
	}
	if old.Sign() == 0 {
		return "no longer free", true
	}
	fresh.Sub(fresh, old).Quo(fresh, old).Mul(fresh, big.NewRat(100, 1))
	text := fresh.FloatString(1)
	switch {
	case text == "0.0" || text == "-0.0":
		text = "less than 0.1"
	case fresh.Sign() > 0:
		text = "+" + text
	}
	return text + " %", true
}

// ChangedPrice is a price for people, exact, with what of its other parts is
// not as in the one that it is beside; "-" for none.
func ChangedPrice(p, beside *pricing.Price) string {
	if p == nil {
		return "-"
	}
	text := fmt.Sprintf("%s/%s", p.Amount, p.Unit)
	if beside == nil {
		return text
	}
	if p.Kind != beside.Kind {
		text += ", " + string(p.Kind)
	}
	if p.Family != beside.Family {
		text += ", family " + cmp.Or(p.Family, "none")
	}
	if own := Billing(p.Billing, p.Unit); own != Billing(beside.Billing, beside.Unit) {
		text += ", " + own
	}
	return text
}
