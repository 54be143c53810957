package place

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// WithVolumes pairs quotes of machines with what could be had for the volumes of
// their pledge: of each volume the cheapest that the machine can reach, or the
// one that exists. Of what costs the same, a place's first format stands before its
// others, and then the fastest way is taken, the provider's name, and its first offer.
// The price is the sum. Quotes of machines that cannot see a volume are left out, and
// the reasons name it. It is pure; each volume is chosen by itself.
func WithVolumes(quotes []core.Quote, pledge core.Pledge, candidates []core.VolumeCandidate, rates *pricing.Rates) ([]core.Quote, []core.Reason) {
	if len(pledge.Volumes) == 0 {
		return quotes, nil
	}
	p := pairing{pledge: pledge.Booting(candidates), rates: rates, by: make([][]core.VolumeCandidate, len(pledge.Volumes)), known: map[string]sight{}}
	for _, c := range candidates {
		if c.Index >= 0 && c.Index < len(p.by) {
			p.by[c.Index] = append(p.by[c.Index], c)
		}
	}
	var paired []core.Quote
	var reasons []core.Reason
	told := map[string]bool{}
	for i := range quotes {
		q := &quotes[i]
		seen := p.from(q.Consumer)
		if len(seen.blind) == 0 {
			whole, err := q.WithVolumes(seen.choices, rates)
			if err == nil {
				paired = append(paired, whole)
				continue
			}
			seen.blind = []core.Reason{{Field: "volumes", Want: "a price for all of it", Have: err.Error(), Text: "no whole price: " + err.Error()}}
		}
		for _, r := range seen.blind {
			r.Provider, r.Candidate = q.Provider, q.Zone
			if key := r.Provider + "\n" + r.Candidate + "\n" + r.Text; !told[key] {
				told[key] = true
				reasons = append(reasons, r)
			}
		}
	}
	sortReasons(reasons)
	return paired, reasons
}

// pairing is one pledge's volumes and what could be had for each.
type pairing struct {
	pledge core.Pledge
	rates  *pricing.Rates
	by     [][]core.VolumeCandidate
	// known is what was found out, by consumer.
	known map[string]sight
}

// sight is what a consumer has of each volume, or why it does not see some.
type sight struct {
	choices []core.VolumeChoice
	blind   []core.Reason
}

func (p *pairing) from(c core.Consumer) sight {
	key := fmt.Sprintf("%q", []any{c.Kinds, c.Host, c.Networks, c.Provider, c.Zone, c.GuestMounts})
	s, ok := p.known[key]
	if ok {
		return s
	}
	for i, want := range p.pledge.Volumes {
		choice, why := p.choose(i, want, c)
		if why != "" {
			s.blind = append(s.blind, core.Reason{Field: fmt.Sprintf("volumes[%d]", i), Want: nameOf(want), Have: why, Text: "volume " + nameOf(want) + ": " + why})
			continue
		}
		s.choices = append(s.choices, choice)
	}
	p.known[key] = s
	return s
}

func nameOf(want core.VolumeRequest) string { return cmp.Or(want.VID, want.Name) }

// choose is the best of the candidates that the consumer reaches, or why there is
// none.
func (p *pairing) choose(index int, want core.VolumeRequest, c core.Consumer) (core.VolumeChoice, string) {
	if want.VID != "" {
		return chooseFound(p.by[index], index, want, c)
	}
	var reached []core.VolumeChoice
	var why []string
	for _, from := range p.by[index] {
		if from.Quote == nil {
			continue
		}
		way, err := c.Reach(from.Quote.Offer.Exposures)
		if err != nil {
			why = append(why, from.Provider+": "+err.Error())
			continue
		}
		reached = append(reached, core.VolumeChoice{Index: index, Name: want.Name, Provider: from.Provider, Quote: from.Quote, ReadOnly: want.ReadOnly, Way: way})
	}
	if len(reached) > 0 {
		return slices.MinFunc(preferred(reached), p.better), ""
	}
	if len(p.by[index]) == 0 {
		why = []string{"no storage provider offers one"}
	}
	return core.VolumeChoice{}, sorted(why)
}

// chooseFound is for a volume that exists. One that is in several places is
// written to where its epoch is highest, and nowhere else.
func chooseFound(all []core.VolumeCandidate, index int, want core.VolumeRequest, c core.Consumer) (core.VolumeChoice, string) {
	var places []core.VolumePlace
	for _, from := range all {
		if from.Found != nil {
			places = append(places, core.VolumePlace{Volume: *from.Found, Plugin: from.Plugin})
		}
	}
	newest, no := authority(places, want)
	if no != "" {
		return core.VolumeChoice{}, no
	}
	var best *core.VolumeChoice
	var epoch uint64
	var why []string
	for _, from := range all {
		v := from.Found
		if v == nil {
			continue
		}
		readOnly := want.ReadOnly || v.ReadOnly
		no := unusable(*v, readOnly)
		if no == "" && !readOnly && v.Epoch < newest {
			no = "it has newer contents elsewhere"
		}
		way, err := c.Reach(v.Exposures)
		if no == "" && err != nil {
			no = err.Error()
		}
		if no != "" {
			why = append(why, from.Provider+": "+no)
			continue
		}
		choice := core.VolumeChoice{
			Index: index, Name: v.Name, Provider: from.Provider, VolumeID: v.ID, ReadOnly: readOnly, Boot: want.Bootable, Way: way,
		}
		if best == nil || cmp.Or(cmp.Compare(epoch, v.Epoch), cmp.Compare(way.Rank, best.Way.Rank), cmp.Compare(choice.Provider, best.Provider)) < 0 {
			best, epoch = &choice, v.Epoch
		}
	}
	if best != nil {
		return *best, ""
	}
	if len(all) == 0 {
		why = []string{"no storage provider that answered has it"}
	}
	return core.VolumeChoice{}, sorted(why)
}

// authority is the epoch of the place that says who writes, or why none does: the
// places have different volumes, or several of them were written to last.
func authority(places []core.VolumePlace, want core.VolumeRequest) (epoch uint64, no string) {
	if !core.OneVolume(places) {
		return 0, fmt.Sprintf("%s each have a volume of this id, and not the same one: remove all but one of them, or of these providers", providers(places))
	}
	newest := core.Newest(places)
	if len(newest) == 0 {
		return 0, ""
	}
	epoch = newest[0].Epoch
	writable := slices.DeleteFunc(newest, func(p core.VolumePlace) bool { return p.ReadOnly })
	if len(writable) > 1 && !want.ReadOnly {
		return 0, fmt.Sprintf("%s have it with the same epoch %d, and none of them says who writes: use it with readonly, or remove all but one (meson volume rm PROVIDER/%s)",
			providers(writable), epoch, want.VID)
	}
	return epoch, ""
}

// providers names the places.
func providers(places []core.VolumePlace) string {
	names := make([]string, len(places))
	for i, p := range places {
		names[i] = p.Provider
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}

// unusable is why a volume cannot be used so now; empty: it can.
func unusable(v core.Volume, readOnly bool) string {
	switch {
	case v.State != core.VolumeAvailable && v.State != core.VolumeInUse:
		return strings.TrimSpace(fmt.Sprintf("it is %s %s", v.State, v.Message))
	case len(v.Faults) > 0 && !readOnly:
		return "it is not written to while something is wrong with it: " + strings.Join(v.Faults, "; ")
	case v.Shareable:
		return ""
	}
	for _, u := range v.Uses {
		if u.Writable || !readOnly {
			return fmt.Sprintf("it is in use by %s", cmp.Or(u.Holder, u.Allocation, "attachment "+u.Attachment))
		}
	}
	return ""
}

func sorted(why []string) string {
	slices.Sort(why)
	return strings.Join(slices.Compact(why), "; ")
}
