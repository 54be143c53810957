package pricing

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of Terms.
const (
	MaxRules     = 200
	MaxRuleItems = 1000 // kinds, families and SKUs of one rule together
	MaxTermText  = 200  // bytes of a tax note, a name, a family, a SKU
)

// Terms are what is agreed on top of a price list: rules, and a note on tax for
// people. The note changes no amount.
type Terms struct {
	Rules   []Rule `json:"rules"`
	TaxNote string `json:"tax_note,omitempty"`
}

// IsZero reports whether nothing is agreed.
func (t Terms) IsZero() bool { return len(t.Rules) == 0 && t.TaxNote == "" }

// Check reports every fault at once, joined, each an error of its own with its
// place: too many rules, those of [Rule.Check], a text that is too long or not
// printable, a time that is not of the years 1 to 9999.
func (t Terms) Check() error {
	var faults []error
	if n := len(t.Rules); n > MaxRules {
		faults = append(faults, fmt.Errorf("%d rules: want at most %d", n, MaxRules))
	}
	if err := checkTermText("tax note", t.TaxNote); err != nil {
		faults = append(faults, err)
	}
	for i := range t.Rules {
		for _, err := range t.Rules[i].termFaults() {
			faults = append(faults, fmt.Errorf("rule %d, %.64q: %w", i+1, t.Rules[i].Name, err))
		}
	}
	return errors.Join(faults...)
}

func (r *Rule) termFaults() []error {
	var faults []error
	if err := r.Check(); err != nil {
		// Check joins one error for each fault.
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			faults = append(faults, joined.Unwrap()...)
		} else {
			faults = append(faults, err)
		}
	}
	if err := checkTermText("name", r.Name); err != nil {
		faults = append(faults, err)
	}
	if n := len(r.Kinds) + len(r.Families) + len(r.SKUs); n > MaxRuleItems {
		return append(faults, fmt.Errorf("%d kinds, families and skus: want at most %d", n, MaxRuleItems))
	}
	for _, family := range r.Families {
		if err := checkTermText("family", family); err != nil {
			faults = append(faults, err)
		}
	}
	for _, sku := range r.SKUs {
		if err := checkTermText("sku", sku); err != nil {
			faults = append(faults, err)
		}
	}
	for _, bound := range []struct {
		name string
		at   time.Time
	}{{"from", r.From}, {"until", r.Until}} {
		if y := bound.at.UTC().Year(); y < 1 || y > 9999 {
			faults = append(faults, fmt.Errorf("%s in year %d: want one of 1 to 9999", bound.name, y))
		}
	}
	return faults
}

func checkTermText(what, s string) error {
	if len(s) > MaxTermText {
		return fmt.Errorf("%s of %d bytes: want at most %d", what, len(s), MaxTermText)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s %q: want UTF-8", what, s)
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return fmt.Errorf("%s %q: want printable text", what, s)
		}
	}
	return nil
}
