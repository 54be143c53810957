package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
)

// offersGrid is the table of quotes. Those that can be bought are numbered, as a
// prompt offers them.
func offersGrid(quotes []core.Quote, s style) *render.Grid {
	code, hours := commonCurrency(quotes), pricing.HoursPerMonth
	if len(quotes) > 0 {
		hours = quotes[0].Price.ForHours
	}
	// What can be taken back or not be bought must not get out of sight.
	notesDrop := 6
	if slices.ContainsFunc(quotes, func(q core.Quote) bool { return mark(q) != "" }) {
		notesDrop = 0
	}
	g := render.NewGrid(
		render.Column{Title: "#", Right: true},
		render.Column{Title: "OFFER"},
		render.Column{Title: "PROVIDER"},
		render.Column{Title: "ZONE", Drop: 1},
		render.Column{Title: "SHAPE", Drop: 2},
		render.Column{Title: "VCPUS", Right: true, Drop: 4},
		render.Column{Title: "MEMORY", Right: true, Drop: 3},
		render.Column{Title: "ARCH", Drop: 5},
		render.Column{Title: cmp.Or(code, "PRICE") + "/hour", Right: true},
		render.Column{Title: cmp.Or(code, "PRICE") + "/" + span(hours), Right: true},
		render.Column{Title: "NOTES", Drop: notesDrop, Fold: 20},
	)
	amount := render.Amount
	if code == "" {
		amount = render.Price
	}
	n := 0
	for _, q := range quotes {
		number := "-"
		if q.QuoteOnly == "" {
			n++
			number = strconv.Itoa(n)
		}
		g.Add(
			number, q.ID, q.Provider, where(q.Offer), q.Shape, strconv.Itoa(q.VCPUs),
			render.Memory(q.MemoryMiB), q.Arch, amount(q.Price.Hour), amount(q.Price.Total), withVolumes(q),
		)
	}
	g.Paint("OFFER", s.bold)
	return g
}

// commonCurrency is that of all quotes, empty where they have several.
func commonCurrency(quotes []core.Quote) string {
	code := ""
	for i := range quotes {
		if c := quotes[i].Price.Currency; i > 0 && c != code {
			return ""
		}
		code = quotes[i].Price.Currency
	}
	return code
}

// basis says by what the quotes of a table are in their order, and what their
// prices rest on.
func basis(res api.OffersResult) []string {
	lines := []string{"best first: " + render.Visible(res.Why)}
	if r := res.Rates; r != nil {
		lines = append(lines, fmt.Sprintf("exchange rates: %s, %s", day(r.AsOf), render.Visible(r.Source)))
	}
	if o := res.Oldest; o != nil {
		lines = append(lines, fmt.Sprintf("oldest price: %s, %s, %s", day(o.AsOf), render.Visible(o.Provider), render.Visible(cmp.Or(o.Source, "no source"))))
	}
	return lines
}

// where is where an offer is: its zone, which names its region, or the region.
func where(o core.Offer) string { return cmp.Or(o.Zone, o.Region) }

// mark is what sets a quote apart from what can simply be bought and kept.
func mark(q core.Quote) string {
	var words []string
	if q.QuoteOnly != "" {
		words = append(words, "quote only: "+q.QuoteOnly)
	}
	if q.Price.Spot() {
		words = append(words, "spot")
	}
	return strings.Join(words, ", ")
}

// quoteNotes are a quote's mark and the notes of its offer.
func quoteNotes(q core.Quote) string {
	var words []string
	for _, w := range []string{mark(q), notes(q.Offer)} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, ", ")
}

// withVolumes are a quote's notes, and before them its volumes.
func withVolumes(q core.Quote) string {
	var words []string
	for _, c := range q.Volumes {
		words = append(words, "volume "+render.VolumeChoiceText(c))
	}
	if n := quoteNotes(q); n != "" {
		words = append(words, n)
	}
	return strings.Join(words, "; ")
}

// nativeHour is what an hour costs in the provider's currency, in brackets, where
// the price was converted.
func nativeHour(q pricing.Quote) string {
	if q.FX == nil {
		return ""
	}
	return fmt.Sprintf(" (%s/hour)", render.Price(q.FX.Native.Hour))
}

// priceLine is one line of a price in a few words.
func priceLine(l *pricing.Line) string {
	part := render.Price(l.Hour) + "/hour"
	switch {
	case l.Kind == pricing.KindTax:
		return l.Text
	case l.Quantity.Included:
		part = "included"
	case l.Hour.Sign() == 0 && l.Total.Sign() != 0:
		part = render.Price(l.Total) + " in all"
	}
	source := "terms"
	if l.Rule == nil {
		source = fmt.Sprintf("%s, %s", l.Source, day(l.AsOf))
	}
	return fmt.Sprintf("%s  %s  (%s)", part, cmp.Or(l.Text, l.Quantity.Text, l.SKU), source)
}

// notes are an offer's facts, then what its provider does not say.
func notes(o core.Offer) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(o.Facts)) {
		words = append(words, k+"="+o.Facts[k])
	}
	if len(o.Unknown) > 0 {
		words = append(words, "unknown: "+strings.Join(o.Unknown, " "))
	}
	return strings.Join(words, ", ")
}

// mostReasons is how many of a provider's are shown without --why-not.
const mostReasons = 5

// whyNots are the lines that say who said no, grouped by provider, and who
// could not be asked; most limits a provider's reasons, 0 being no limit.
func whyNots(rows []render.WhyNot, most int, s style) []string {
	var lines []string
	for _, w := range rows {
		if e := w.Error; e != nil {
			what := "could not be asked"
			if len(w.Reasons) > 0 {
				what = "answered in part"
			}
			lines = append(lines, fmt.Sprintf("%s %s: %s", s.bold(render.Visible(w.Provider)), s.red(what), render.Visible(headline(e))))
			for _, h := range hints(e) {
				lines = append(lines, "  hint: "+render.Visible(h))
			}
		}
		if len(w.Reasons) == 0 {
			continue
		}
		if w.Error == nil {
			lines = append(lines, s.bold(render.Visible(w.Provider))+" said no:")
		}
		shown := w.Reasons
		if most > 0 && len(shown) > most {
			shown = shown[:most]
		}
		for _, r := range shown {
			lines = append(lines, "  "+reasonLine(r, s))
		}
		if more := len(w.Reasons) - len(shown); more > 0 {
			lines = append(lines, fmt.Sprintf("  and %s (--why-not shows all)", render.Count(more, "more reason")))
		}
	}
	return lines
}

// reasonLine is "candidate: text; would fit with ramsize=2048".
func reasonLine(r render.Reason, s style) string {
	line := r.Text
	if line == "" {
		line = fmt.Sprintf("%s: %s wanted, %s there", r.Field, cmp.Or(r.Want, "none"), cmp.Or(r.Have, "none"))
	}
	if r.Candidate != "" && !strings.Contains(line, r.Candidate) {
		line = r.Candidate + ": " + line
	}
	line = render.Visible(line)
	if !r.Until.IsZero() {
		line += ", until " + r.Until.Format("15:04Z")
	}
	if r.Relax != "" {
		line += "; " + s.yellow("would fit with "+render.Visible(r.Relax))
	}
	return line
}

// answered is the line that tells of one provider's answer as it arrives.
func answered(a core.Answer) string {
	line := fmt.Sprintf("%7s  %s: ", render.Span(a.Took), render.Visible(a.Provider))
	switch {
	case a.Err != nil:
		return line + "failed: " + render.Visible(headline(a.Err))
	case len(a.Offers) > 0:
		return line + render.Count(len(a.Offers), "offer")
	}
	return line + "no"
}
