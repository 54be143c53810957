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
	// Family is what the provider counts the SKU among, such as n2, for rules and
	// contracts.
	Family string `json:"family,omitempty"`
	// Billing is how time is billed; nil bills the exact time. Several prices may
	// share one; it is never changed.
	Billing *Billing `json:"billing,omitempty"`
	// Confidence is how sure the source is: high, medium or low; empty is not stated.
	Confidence string `json:"confidence,omitempty"`
	// Source and AsOf are the list's where they are empty.
	Source string    `json:"source,omitempty"`
	AsOf   time.Time `json:"as_of,omitzero"`
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
// free, billing rules that contradict themselves, a SKU listed twice, a spot
// price above that on demand, an inclusion of a SKU that is not there, more than
// one currency.
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
	faults = append(faults, l.checkReferences()...)
	return errors.Join(faults...)
}

// Check reports the first fault of a price by itself: no SKU, an unknown unit or
// kind, an amount that is absent, negative, or zero and not declared free, or all
// faults of its billing rules.
func (p Price) Check() error { return p.check() }

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
	if p.Billing == nil {
		return nil
	}
	if b := p.Billing; p.Unit == UnitGiB && (b.CapHours > 0 || len(b.Tiers) > 0 || b.IncrementSeconds > 0 || b.MinimumSeconds > 0) {
		return errors.New("rules for time on what is paid once")
	}
	return p.Billing.Check()
}

// checkReferences looks at what the prices say of one another.
func (l *List) checkReferences() []error {
	var faults []error
	bySKU := make(map[string]*Price, len(l.Prices))
	for i := range l.Prices {
		bySKU[l.Prices[i].SKU] = &l.Prices[i]
	}
	for i, p := range l.Prices {
		if p.Billing == nil {
			continue
		}
		if other := p.Billing.SpotOf; other != "" {
			if err := spotFault(p, bySKU[other]); err != nil {
				faults = append(faults, fmt.Errorf("price %d, sku %.64q: %w", i+1, p.SKU, err))
			}
		}
		for _, in := range p.Billing.Includes {
			switch target := bySKU[in.SKU]; {
			case target == nil || in.SKU == p.SKU:
				faults = append(faults, fmt.Errorf("price %d, sku %.64q: includes sku %.64q, want another one of the list", i+1, p.SKU, in.SKU))
			case target.Billing != nil && len(target.Billing.Includes) > 0:
				faults = append(faults, fmt.Errorf("price %d, sku %.64q: includes sku %.64q, which itself includes others", i+1, p.SKU, in.SKU))
			}
		}
	}
	return faults
}

func spotFault(spot Price, demand *Price) error {
	if demand == nil {
		return fmt.Errorf("spot of sku %.64q, which is not in the list", spot.Billing.SpotOf)
	}
	if spot.Unit != demand.Unit || spot.Kind != demand.Kind {
		return fmt.Errorf("spot of sku %.64q, which is a %s per %s", demand.SKU, demand.Kind, demand.Unit)
	}
	if c, err := spot.Amount.Cmp(demand.Amount); err == nil && c > 0 {
		return fmt.Errorf("spot at %s is above %s on demand (sku %.64q)", spot.Amount, demand.Amount, demand.SKU)
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
