package pricing

import "slices"

// Same reports whether two lists say the same in the same order: everything but
// the date on which they were read.
func (l *List) Same(o *List) bool {
	return l.Revision == o.Revision && l.Source == o.Source && slices.EqualFunc(l.Prices, o.Prices, identical)
}

func identical(a, b Price) bool {
	amount, err := a.Amount.Cmp(b.Amount)
	if err != nil || amount != 0 || !a.AsOf.Equal(b.AsOf) || !identicalBilling(a.Billing, b.Billing) {
		return false
	}
	return a.SKU == b.SKU && a.Kind == b.Kind && a.Unit == b.Unit && a.Free == b.Free && a.Text == b.Text && a.Family == b.Family &&
		a.Confidence == b.Confidence && a.Source == b.Source
}

func identicalBilling(a, b *Billing) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a == b || sameBilling(a, b) && a.Source == b.Source && a.AsOf.Equal(b.AsOf)
}
