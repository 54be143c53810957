package pricing

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cockroachdb/apd/v3"
)

// Change is how the price of one SKU differs between two lists.
type Change struct {
	SKU string `json:"sku"`
	// Old and New are nil where the list does not have the SKU.
	Old *Price `json:"old,omitempty"`
	New *Price `json:"new,omitempty"`
	// Consent says why a person has to agree before the new price is used; empty is
	// no need to ask.
	Consent string `json:"consent,omitempty"`
}

// Jump is how many times a price may rise or fall from one list to the next
// without a person's yes.
const Jump = 3

// Diff lists what changed from one list to another, by SKU: added, removed, and
// another price, unit, kind, family or way of billing. A change needs consent
// that is over Jump times, up or down, that is from or to nothing, or that makes
// the old price incomparable with the new one.
func Diff(older, newer *List) []Change {
	was := make(map[string]*Price, len(older.Prices))
	for i := range older.Prices {
		was[older.Prices[i].SKU] = &older.Prices[i]
	}
	var changes []Change
	for i := range newer.Prices {
		fresh := &newer.Prices[i]
		old := was[fresh.SKU]
		delete(was, fresh.SKU)
		switch {
		case old == nil:
			changes = append(changes, Change{SKU: fresh.SKU, New: fresh})
		case !samePrice(old, fresh):
			changes = append(changes, Change{SKU: fresh.SKU, Old: old, New: fresh, Consent: consent(old, fresh)})
		}
	}
	for sku, old := range was {
		changes = append(changes, Change{SKU: sku, Old: old})
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.SKU, b.SKU) })
	return changes
}

// NeedConsent keeps the changes that a person has to agree to.
func NeedConsent(changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.Consent == "" })
}

func samePrice(a, b *Price) bool {
	c, err := a.Amount.Cmp(b.Amount)
	return err == nil && c == 0 && a.Unit == b.Unit && a.Kind == b.Kind && a.Family == b.Family && sameBilling(a.Billing, b.Billing)
}

func sameBilling(a, b *Billing) bool {
	if a == nil {
		a = &Billing{}
	}
	if b == nil {
		b = &Billing{}
	}
	return a.IncrementSeconds == b.IncrementSeconds && a.MinimumSeconds == b.MinimumSeconds && a.CapHours == b.CapHours && slices.Equal(a.Tiers, b.Tiers) &&
		a.Spot == b.Spot && a.SpotOf == b.SpotOf && a.Stopped == b.Stopped && slices.Equal(a.Includes, b.Includes)
}

func consent(old, fresh *Price) string {
	switch {
	case old.Amount.Currency() != fresh.Amount.Currency():
		return fmt.Sprintf("the currency changed from %s to %s", old.Amount.Currency(), fresh.Amount.Currency())
	case old.Unit != fresh.Unit:
		return fmt.Sprintf("the unit changed from %s to %s", old.Unit, fresh.Unit)
	case (old.Amount.Sign() == 0) != (fresh.Amount.Sign() == 0):
		return fmt.Sprintf("from %s to %s", old.Amount, fresh.Amount)
	}
	for _, c := range []struct {
		small, large *Price
		word         string
	}{{old, fresh, "rose"}, {fresh, old, "fell"}} {
		limit, err := c.small.Amount.times(apd.New(Jump, 0))
		if err != nil || c.large.Amount.amount.Cmp(&limit.amount) > 0 {
			return fmt.Sprintf("%s by more than %d times, from %s to %s", c.word, Jump, old.Amount, fresh.Amount)
		}
	}
	return ""
}
