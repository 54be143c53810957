package render

import (
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// OfferPrice is the price of the whole offer over ForHours, in Currency.
type OfferPrice struct {
	Currency string `json:"currency"`
	Hour     string `json:"hour"`
	Total    string `json:"total"`
	ForHours int    `json:"for_hours"`
	// Native is the price in the currency of the provider's list: the same as
	// above unless FX is there.
	Native       Native      `json:"native"`
	FX           *FX         `json:"fx,omitempty"`
	ListRevision string      `json:"list_revision"`
	Components   []Component `json:"components"`
}

// Component is one line of a price. Those that rules added have no SKU, or no
// quantity; those of the list have no percent, base and rule.
type Component struct {
	Kind string `json:"kind"`
	SKU  string `json:"sku"`
	// Text is the name of what added the line, or how the quantity came about.
	Text     string `json:"text,omitempty"`
	Quantity string `json:"quantity,omitempty"`
	Unit     string `json:"unit,omitempty"`
	// UnitPrice is what one unit costs, in the native currency.
	UnitPrice string `json:"unit_price,omitempty"`
	Hour      string `json:"hour"`
	Total     string `json:"total"`
	Included  bool   `json:"included,omitempty"`
	// Percent of Base, which is native, is what a share comes to.
	Percent string `json:"percent,omitempty"`
	Base    string `json:"base,omitempty"`
	// How is the arithmetic in words.
	How     string           `json:"how"`
	Billing *pricing.Billing `json:"billing,omitempty"`
	Rule    *pricing.Rule    `json:"rule,omitempty"`
	Native  Native           `json:"native"`
	Source  string           `json:"source,omitempty"`
	AsOf    time.Time        `json:"as_of,omitzero"`
}

// Native is a price in the provider's own currency.
type Native struct {
	Currency string `json:"currency"`
	Hour     string `json:"hour"`
	Total    string `json:"total"`
}

// FX is the conversion that amounts went through: each is its native amount ×
// ToRate ÷ FromRate. One unit of Base buys FromRate of From and ToRate of To.
type FX struct {
	From     string    `json:"from"`
	To       string    `json:"to"`
	Base     string    `json:"base"`
	FromRate string    `json:"from_rate"`
	ToRate   string    `json:"to_rate"`
	AsOf     time.Time `json:"as_of"`
	Source   string    `json:"source"`
}

func newPrice(p pricing.Quote) OfferPrice {
	out := OfferPrice{
		Currency: p.Currency, Hour: p.Hour.Amount(), Total: p.Total.Amount(), ForHours: p.ForHours,
		Native: newNative(p.NativeAmounts()), ListRevision: p.ListRevision, Components: make([]Component, 0, len(p.Lines)),
	}
	if f := p.FX; f != nil {
		out.FX = &FX{From: f.From, To: p.Currency, Base: f.Base, FromRate: f.FromRate, ToRate: f.ToRate, AsOf: f.AsOf.UTC(), Source: f.Source}
	}
	for i := range p.Lines {
		out.Components = append(out.Components, newComponent(&p, &p.Lines[i]))
	}
	return out
}

func newComponent(p *pricing.Quote, l *pricing.Line) Component {
	c := Component{
		Kind: string(l.Kind), SKU: l.SKU, Text: l.Text, Unit: string(l.Unit), Hour: l.Hour.Amount(), Total: l.Total.Amount(),
		Included: l.Quantity.Included, Percent: l.Percent, How: How(p, l), Billing: l.Billing, Rule: l.Rule,
		Native: newNative(lineNative(l)), Source: l.Source, AsOf: utc(l.AsOf),
	}
	if c.Text == "" {
		c.Text = l.Quantity.Text
	}
	if l.Quantity.Amount != "" {
		c.Quantity = quantity(l.Quantity)
	}
	if l.UnitPrice.IsSet() {
		c.UnitPrice = l.UnitPrice.Amount()
	}
	if l.Base.IsSet() {
		c.Base = l.Base.Amount()
	}
	return c
}

// lineNative are the amounts of a line in the currency of its list.
func lineNative(l *pricing.Line) pricing.Amounts {
	if l.Native != nil {
		return *l.Native
	}
	return pricing.Amounts{Hour: l.Hour, Total: l.Total}
}

func newNative(a pricing.Amounts) Native {
	return Native{Currency: a.Total.Currency(), Hour: a.Hour.Amount(), Total: a.Total.Amount()}
}
