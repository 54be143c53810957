package render

import (
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/pricing"
)

// Billing is in words how a price of a unit turns time into money.
func Billing(b *pricing.Billing, unit pricing.Unit) string {
	if unit == pricing.UnitGiB {
		return strings.Join(append([]string{"once"}, bundled(b)...), ", ")
	}
	if b == nil {
		return "exact time, stopped too"
	}
	words := []string{increment(b.IncrementSeconds)}
	if b.MinimumSeconds > 0 {
		words = append(words, "at least "+seconds(b.MinimumSeconds))
	}
	if b.CapHours > 0 {
		words = append(words, fmt.Sprintf("at most %d h of a month", b.CapHours))
	}
	if len(b.Tiers) > 0 {
		tiers := make([]string, len(b.Tiers))
		for i, t := range b.Tiers {
			tiers[i] = fmt.Sprintf("×%s up to %d %%", t.Factor, t.UpToPercent)
		}
		words = append(words, "sustained use "+strings.Join(tiers, ", ")+" of a month")
	}
	if b.Spot {
		spot := "spot: may be taken back"
		if b.SpotOf != "" {
			spot += " (" + b.SpotOf + " may not)"
		}
		words = append(words, spot)
	}
	switch b.Stopped {
	case pricing.StoppedBilled:
		words = append(words, "stopped too")
	case pricing.StoppedFree:
		words = append(words, "not while stopped")
	case pricing.StoppedUnknown:
		words = append(words, "stopped too (not stated)")
	}
	return strings.Join(append(words, bundled(b)...), ", ")
}

// bundled is what one unit brings with it.
func bundled(b *pricing.Billing) []string {
	if b == nil {
		return nil
	}
	var words []string
	for _, in := range b.Includes {
		text := fmt.Sprintf("includes %s of %s", in.Amount, in.SKU)
		if in.PerMonth {
			text += " a month"
		}
		words = append(words, text)
	}
	return words
}

func increment(s int64) string {
	switch {
	case s <= 1:
		return "exact time"
	case s == 60:
		return "started minutes"
	case s == 3600:
		return "started hours"
	}
	return "started spans of " + seconds(s)
}

func seconds(s int64) string {
	switch {
	case s%3600 == 0:
		return fmt.Sprintf("%d h", s/3600)
	case s%60 == 0:
		return fmt.Sprintf("%d min", s/60)
	}
	return fmt.Sprintf("%d s", s)
}
