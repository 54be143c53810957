package render

import (
	"encoding/json"

	"github.com/mesoncloud/meson/core"
)

// VolumeChoice is how an offer has one volume of its spec, as programs read it.
type VolumeChoice struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// VID is that of a volume that exists; empty: it is made.
	VID      string      `json:"vid,omitempty"`
	SizeGiB  json.Number `json:"size_gib,omitempty"`
	ReadOnly bool        `json:"readonly"`
	Boot     bool        `json:"boot"`
	// By is the way in which the machine reaches it, such as iscsi.
	By string `json:"by"`
	// Total is what a volume that is made costs, exactly, over the offer's hours, in
	// its provider's currency; it is part of the offer's price.
	Total    string `json:"total,omitempty"`
	Currency string `json:"currency,omitempty"`
}

func newVolumeChoices(all []core.VolumeChoice) []VolumeChoice {
	var out []VolumeChoice
	for _, c := range all {
		doc := VolumeChoice{
			Name: c.Name, Provider: c.Provider, VID: c.VolumeID, ReadOnly: c.ReadOnly, Boot: c.Boot, By: string(c.Way.Kind),
		}
		if q := c.Quote; q != nil {
			doc.SizeGiB, doc.Total, doc.Currency = gib(q.Offer.SizeBytes), q.Price.Total.Amount(), q.Price.Total.Currency()
		}
		out = append(out, doc)
	}
	return out
}

// VolumeChoiceText is a choice in a few words, such as "data 10 GiB at vault1 by
// iscsi".
func VolumeChoiceText(c core.VolumeChoice) string {
	text := c.Name
	switch {
	case c.Quote != nil:
		text += " " + Size(c.Quote.Offer.SizeBytes)
	case text == "":
		text = c.VolumeID
	}
	text += " at " + c.Provider + " by " + string(c.Way.Kind)
	if c.ReadOnly {
		text += ", read-only"
	}
	if c.Boot {
		text += ", boots"
	}
	return text
}
