package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/pricing"
)

// MonthRule is what a month is to billing rules and to monthly prices.
const MonthRule = "A month is 730 h from the start, a remainder follows, and up to 744 h altogether are\n" +
	"one month. An hour of a monthly price is its 730th part, or its 672nd where 672 h are the cap."

// Monthly reports whether months matter to a quote.
func Monthly(q *pricing.Quote) bool {
	return slices.ContainsFunc(q.Lines, func(l pricing.Line) bool {
		return l.Unit == pricing.UnitMonth || l.Unit == pricing.UnitGiBMonth || l.Rule != nil && l.Rule.Unit == pricing.PerMonth ||
			l.Billing != nil && (l.Billing.CapHours > 0 || len(l.Billing.Tiers) > 0)
	})
}

// Item is what a line is of: its SKU, or the name of what added it.
func Item(l *pricing.Line) string {
	switch {
	case l.Rule != nil && l.SKU != "":
		return l.Text + ": " + l.SKU
	case l.Rule == nil && l.Kind == pricing.KindDiscount:
		return l.Text + ": " + l.SKU
	case l.SKU == "":
		return l.Text
	}
	return l.SKU
}

// Arithmetic is how a line came about and what it came to, native and exact.
func Arithmetic(q *pricing.Quote, l *pricing.Line) string {
	how := How(q, l)
	if l.Kind == pricing.KindTax || l.Quantity.Included {
		return how
	}
	n := lineNative(l)
	if n.Hour.Sign() == 0 && n.Total.Sign() != 0 {
		return fmt.Sprintf("%s = %s", how, n.Total)
	}
	return fmt.Sprintf("%s = %s an hour, %s", how, n.Hour, n.Total)
}

// Sums are the exact sum of a quote and the conversion that it went through.
func Sums(q *pricing.Quote) []string {
	n := q.NativeAmounts()
	lines := []string{fmt.Sprintf("sum = %s an hour, %s for %d h", n.Hour, n.Total, q.ForHours)}
	f := q.FX
	if f == nil {
		return lines
	}
	return append(lines,
		fmt.Sprintf("each line × %s ÷ %s, for 1 %s buys %s (%s, %s)",
			f.ToRate, f.FromRate, f.Base, buys(f, q.Currency), f.AsOf.UTC().Format("2006-01-02"), f.Source),
		fmt.Sprintf("sum = %s an hour, %s for %d h", q.Hour, q.Total, q.ForHours))
}

// buys is what one unit of a conversion's base buys of both currencies.
func buys(f *pricing.Conversion, to string) string {
	var words []string
	for _, r := range [][2]string{{f.FromRate, f.From}, {f.ToRate, to}} {
		if r[1] != f.Base {
			words = append(words, r[0]+" "+r[1])
		}
	}
	return strings.Join(words, " and ")
}

// IncludedItems are the lines that cost nothing because another brings them;
// empty for none.
func IncludedItems(q *pricing.Quote) string {
	var items []string
	for i := range q.Lines {
		if l := &q.Lines[i]; l.Quantity.Included {
			items = append(items, fmt.Sprintf("%s of %s", quantity(l.Quantity), l.SKU))
		}
	}
	return strings.Join(items, ", ")
}

// BillingRules are a line for each way in which SKUs of a quote are billed, with
// where that is stated.
func BillingRules(q *pricing.Quote) []string {
	var order []string
	skus := map[string][]string{}
	for i := range q.Lines {
		l := &q.Lines[i]
		if l.SKU == "" || l.Rule != nil {
			continue
		}
		text := Billing(l.Billing, l.Unit)
		if b := l.Billing; b != nil && b.Source != "" {
			text += fmt.Sprintf(" (%s, %s)", b.Source, b.AsOf.UTC().Format("2006-01-02"))
		}
		if skus[text] == nil {
			order = append(order, text)
		}
		if !slices.Contains(skus[text], l.SKU) {
			skus[text] = append(skus[text], l.SKU)
		}
	}
	lines := make([]string, len(order))
	for i, text := range order {
		lines[i] = strings.Join(skus[text], ", ") + ": " + text
	}
	return lines
}
