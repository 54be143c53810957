package render

import (
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/pricing"
)

// How is the arithmetic of one line of a quote for people: that of
// [pricing.Line.How] with the time where no rules bill it, and what a rule does
// where one made the line. Amounts in it are exact, and native.
func How(q *pricing.Quote, l *pricing.Line) string {
	r := l.Rule
	switch {
	case l.Kind == pricing.KindTax:
		return l.Text
	case r != nil && r.Contract.IsSet():
		return contract(q, l)
	case r != nil && l.Percent != "":
		return less(l) + l.How() + onlyFor(r)
	case r != nil:
		return less(l) + amountOf(q, r) + onlyFor(r)
	}
	return less(l) + timed(q, l)
}

// less begins what takes something off.
func less(l *pricing.Line) string {
	if l.Kind == pricing.KindDiscount {
		return "less "
	}
	return ""
}

// contract is what a contract's price makes of the list's line of the same SKU,
// which is billed by the same rules.
func contract(q *pricing.Quote, l *pricing.Line) string {
	for i := range q.Lines {
		o := &q.Lines[i]
		if o.Rule != nil || o.SKU != l.SKU || o.Quantity.Included || o.Kind == pricing.KindDiscount {
			continue
		}
		at := *l
		at.Billing, at.BilledSeconds = o.Billing, o.BilledSeconds
		return fmt.Sprintf("the difference to %s, in place of the list's %s", timed(q, &at), o.UnitPrice)
	}
	return "the difference to " + timed(q, l)
}

// timed is Line.How, which leaves the time out where all of it is billed.
func timed(q *pricing.Quote, l *pricing.Line) string {
	how := l.How()
	if l.Billing != nil && l.BilledSeconds > 0 || l.Quantity.Included || l.Unit == pricing.UnitGiB || l.Unit == "" {
		return how
	}
	return fmt.Sprintf("%s for %d h", how, q.ForHours)
}

// amountOf is a rule's amount over the quote's time.
func amountOf(q *pricing.Quote, r *pricing.Rule) string {
	text := r.Amount.String() + " once"
	if r.Unit != pricing.Once {
		text = fmt.Sprintf("%s per %s for %d h", r.Amount, r.Unit, q.ForHours)
	}
	if r.Stage == pricing.StageRebate {
		text += ", at most what it is taken off"
	}
	return text
}

// onlyFor is what a rule is restricted to.
func onlyFor(r *pricing.Rule) string {
	if on := RuleScope(r); on != "" {
		return " (" + on + ")"
	}
	return ""
}

// RuleScope says what a rule applies to; empty is everything.
func RuleScope(r *pricing.Rule) string {
	var parts []string
	if len(r.Kinds) > 0 {
		kinds := make([]string, len(r.Kinds))
		for i, k := range r.Kinds {
			kinds[i] = string(k)
		}
		parts = append(parts, "kind "+strings.Join(kinds, ", "))
	}
	if len(r.Families) > 0 {
		parts = append(parts, "family "+strings.Join(r.Families, ", "))
	}
	if len(r.SKUs) > 0 {
		parts = append(parts, "sku "+strings.Join(r.SKUs, ", "))
	}
	return strings.Join(parts, "; ")
}

// RuleText is what a rule does, such as "7 %" or "29 EUR per month".
func RuleText(r *pricing.Rule) string {
	switch {
	case r.Percent != "":
		return r.Percent + " %"
	case r.Contract.IsSet():
		return r.Contract.String() + " per unit"
	case r.Unit == pricing.Once:
		return r.Amount.String() + " once"
	}
	return fmt.Sprintf("%s per %s", r.Amount, r.Unit)
}
