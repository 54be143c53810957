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
	"github.com/mesoncloud/meson/pricing"
)

// offersGrid is the table of quotes, numbered as a prompt offers them.
func offersGrid(quotes []core.Quote, s style) *render.Grid {
	code, hours := "", pricing.HoursPerMonth
	if len(quotes) > 0 {
		code, hours = quotes[0].Price.Currency, quotes[0].Price.ForHours
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
		render.Column{Title: code + "/hour", Right: true},
		render.Column{Title: code + "/" + span(hours), Right: true},
		render.Column{Title: "NOTES", Drop: 6, Fold: 20},
	)
	for i, q := range quotes {
		g.Add(
			strconv.Itoa(i+1), q.ID, q.Provider, where(q.Offer), q.Shape, strconv.Itoa(q.VCPUs),
			render.Memory(q.MemoryMiB), q.Arch, render.Amount(q.Price.Hour), render.Amount(q.Price.Total), notes(q.Offer),
		)
	}
	g.Paint("OFFER", s.bold)
	return g
}

// where is where an offer is: its zone, which names its region, or the region.
func where(o core.Offer) string { return cmp.Or(o.Zone, o.Region) }

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
