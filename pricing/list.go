package pricing

import (
	"errors"
	"fmt"
	"time"
)

// Price is what one unit of a SKU costs.
type Price struct {
	SKU    string `json:"sku"`
	Kind   Kind   `json:"kind"`
	Unit   Unit   `json:"unit"`
	Amount Money  `json:"amount"`
	// Free declares that zero is meant. A price of zero without it is a fault.
	Free bool   `json:"free,omitempty"`
	Text string `json:"text,omitempty"`
}

// List is what every SKU of a provider costs. It is immutable once checked:
// other prices are another revision.
type List struct {
	Revision string    `json:"revision"`
	Source   string    `json:"source"`
	AsOf     time.Time `json:"as_of"`
	Prices   []Price   `json:"prices"`
}

// Check reports every fault of the list at once: a missing revision, an unknown
// unit or kind, a price that is absent, negative, or zero and not declared
// free, a SKU listed twice, more than one currency.
func (l *List) Check() error {
	var faults []error
	if l.Revision == "" {
		faults = append(faults, errors.New("price list without a revision"))
	}
	seen := make(map[string]bool, len(l.Prices))
	for i, p := range l.Prices {
		if err := p.check(); err != nil {
			faults = append(faults, fmt.Errorf("price %d, sku %.64q: %w", i+1, p.SKU, err))
		}
		if seen[p.SKU] {
			faults = append(faults, fmt.Errorf("price %d: sku %.64q is listed twice", i+1, p.SKU))
		}
		seen[p.SKU] = true
		if c, first := p.Amount.Currency(), l.Prices[0].Amount.Currency(); c != first {
			faults = append(faults, fmt.Errorf("price %d, sku %.64q: %s in a list of %s", i+1, p.SKU, c, first))
		}
	}
	return errors.Join(faults...)
}

func (p Price) check() error {
	_, unit := p.Unit.span()
	switch {
	case p.SKU == "":
		return errors.New("no sku")
	case unit != nil:
		return unit
	case !p.Kind.Valid():
		return fmt.Errorf("kind %q is unknown", p.Kind)
	case !p.Amount.IsSet():
		return errors.New("no amount")
	case p.Amount.Sign() < 0:
		return fmt.Errorf("%s is negative", p.Amount)
	case p.Amount.Sign() == 0 && !p.Free:
		return errors.New("zero, and not declared free")
	}
	return nil
}

// Find is the price of a SKU.
func (l *List) Find(sku string) (Price, bool) {
	for _, p := range l.Prices {
		if p.SKU == sku {
			return p, true
		}
	}
	return Price{}, false
}
