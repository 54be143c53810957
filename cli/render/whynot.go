package render

import (
	"slices"
	"time"

	"github.com/mesoncloud/meson/core"
)

// WhyNot is one provider's no as programs read it. Error is set where the
// provider could not be asked, or not wholly.
type WhyNot struct {
	Provider    string      `json:"provider"`
	Allocatable bool        `json:"allocatable"`
	Reasons     []Reason    `json:"reasons"`
	Error       *core.Error `json:"error,omitempty"`
}

// Reason is why one candidate of a provider, or all of them, said no.
type Reason struct {
	Candidate string    `json:"candidate,omitempty"`
	Field     string    `json:"field"`
	Want      string    `json:"want"`
	Have      string    `json:"have"`
	Text      string    `json:"text"`
	Relax     string    `json:"relax,omitempty"`
	Until     time.Time `json:"until,omitzero"`
}

// NewWhyNots gathers reasons and failures by provider, in the alphabet's order.
func NewWhyNots(reasons []core.Reason, failures []core.Answer) []WhyNot {
	var rows []WhyNot
	row := func(provider string) *WhyNot {
		i := slices.IndexFunc(rows, func(w WhyNot) bool { return w.Provider == provider })
		if i < 0 {
			rows = append(rows, WhyNot{Provider: provider, Reasons: []Reason{}})
			i = len(rows) - 1
		}
		return &rows[i]
	}
	for _, r := range reasons {
		w := row(r.Provider)
		until := r.Until
		if !until.IsZero() {
			until = until.UTC()
		}
		w.Reasons = append(w.Reasons, Reason{
			Candidate: r.Candidate, Field: r.Field, Want: r.Want, Have: r.Have,
			Text: r.Text, Relax: r.Relax, Until: until,
		})
	}
	for _, a := range failures {
		row(a.Provider).Error = a.Err
	}
	slices.SortFunc(rows, func(a, b WhyNot) int {
		switch {
		case a.Provider < b.Provider:
			return -1
		case a.Provider > b.Provider:
			return 1
		}
		return 0
	})
	return rows
}
