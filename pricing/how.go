package pricing

import (
	"fmt"
	"strings"
)

// How is the arithmetic of a line, as a person would write it: quantity × price
// and the time that is billed.
func (l Line) How() string {
	var b strings.Builder
	if l.Percent != "" {
		fmt.Fprintf(&b, "%s %% of %s", l.Percent, l.Base)
		return b.String()
	}
	if !l.UnitPrice.IsSet() {
		return l.Text
	}
	b.WriteString(l.Quantity.Amount)
	if l.Quantity.Divisor > 1 {
		fmt.Fprintf(&b, "/%d", l.Quantity.Divisor)
	}
	fmt.Fprintf(&b, " × %s per %s", l.UnitPrice, l.Unit)
	if l.Quantity.Included {
		b.WriteString(", included")
		return b.String()
	}
	if l.Billing != nil && l.BilledSeconds > 0 {
		l.Billing.how(&b, l.BilledSeconds, l.Unit)
	}
	return b.String()
}

func (b *Billing) how(w *strings.Builder, counted int64, unit Unit) {
	if unit == UnitGiB {
		return
	}
	fmt.Fprintf(w, " for %s", hoursText(counted))
	switch b.IncrementSeconds {
	case 0, 1:
	case hourSeconds:
		w.WriteString(", by started hours")
	default:
		fmt.Fprintf(w, ", by started %d s", b.IncrementSeconds)
	}
	if b.MinimumSeconds > 0 {
		fmt.Fprintf(w, ", at least %d s", b.MinimumSeconds)
	}
	if b.CapHours > 0 {
		fmt.Fprintf(w, ", of which %s count, at most %d h a month", hoursText(b.charged(counted)), b.CapHours)
	}
	if len(b.Tiers) > 0 {
		w.WriteString(", sustained use")
		for _, t := range b.Tiers {
			fmt.Fprintf(w, ", ×%s up to %d %% of a month", t.Factor, t.UpToPercent)
		}
	}
	if b.Spot {
		w.WriteString(", spot")
	}
	switch b.Stopped {
	case StoppedBilled:
		w.WriteString(", stopped too")
	case StoppedFree:
		w.WriteString(", not while stopped")
	case StoppedUnknown:
	}
}

func hoursText(seconds int64) string {
	if seconds%hourSeconds == 0 {
		return fmt.Sprintf("%d h", seconds/hourSeconds)
	}
	return fmt.Sprintf("%d s", seconds)
}
