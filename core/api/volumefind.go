package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
)

// shortestPrefix is how much of a vid may stand for it.
const shortestPrefix = 4

// found is a volume at its provider, asked now.
type found struct {
	core.Volume
	at *host.Provider
}

func (f found) ref() core.VolumeRef { return core.VolumeRef{ID: f.ID} }

func (f found) target() alloc.VolumeTarget {
	return alloc.VolumeTarget{Provider: f.Provider, VolumeID: f.ID, Name: f.Name}
}

// volume is the one that a person names; see VolumeRequest. Of one that is at
// several providers it is the place that says who writes.
func (m *Meson) volume(ctx context.Context, name string) (found, error) {
	matches, err := m.places(ctx, name)
	if err != nil {
		return found{}, err
	}
	if authority, ok := authorityOf(matches); ok {
		return authority, nil
	}
	return found{}, several("volume "+name, matches)
}

// places are all volumes that a name may mean, at least one.
func (m *Meson) places(ctx context.Context, name string) ([]found, error) {
	subject := "volume " + name
	provider, id, named := strings.Cut(name, "/")
	if !named {
		provider, id = "", name
	}
	if id == "" || named && provider == "" {
		return nil, &core.Error{Kind: core.Invalid, Subject: subject, Text: "want a vid or a name, or PROVIDER/VOLUME"}
	}
	providers, failures, err := m.storage(ctx, provider)
	if err != nil {
		return nil, err
	}
	// By its vid most providers find one at once; all must be listed for a name.
	exact, more := each(ctx, findStorage, providers, func(ctx context.Context, p *host.Provider) ([]found, error) {
		v, err := p.GetVolume(ctx, core.VolumeRef{ID: id})
		switch core.KindOf(err) {
		case "":
			return []found{{v, p}}, nil
		case core.NotFound, core.Invalid:
			return nil, nil
		}
		return nil, err
	})
	matches := exact
	if len(matches) == 0 {
		var all []found
		all, more = each(ctx, findStorage, providers, listAt)
		matches = matching(all, id)
	}
	failures = append(failures, more...)
	switch {
	case len(matches) > 0:
		return matches, nil
	case len(failures) > 0:
		return nil, unanswered(subject, "no provider that answers has it", failures)
	}
	return nil, &core.Error{Kind: core.NotFound, Subject: subject, Text: "not found", Hint: "meson volume ls"}
}

// authorityOf is the only one, or, where all are the same volume in several places,
// the one that was written last, if that is clear.
func authorityOf(matches []found) (found, bool) {
	places := make([]core.VolumePlace, len(matches))
	for i, f := range matches {
		places[i] = core.VolumePlace{Volume: f.Volume, Plugin: f.at.Plugin()}
	}
	newest := core.Newest(places)
	if !core.OneVolume(places) || len(newest) != 1 {
		return found{}, false
	}
	at := slices.IndexFunc(matches, func(f found) bool { return f.Provider == newest[0].Provider })
	return matches[at], true
}

// listAt are all volumes of a provider.
func listAt(ctx context.Context, p *host.Provider) ([]found, error) {
	list, err := p.ListVolumes(ctx, "")
	all := make([]found, len(list))
	for i, v := range list {
		all[i] = found{v, p}
	}
	return all, err
}

// matching are the volumes of a name, else those whose vid begins so; what is called
// like another of its provider, and more, such as a place of that one, is not meant
// beside it.
func matching(all []found, name string) []found {
	named := filter(all, func(f found) bool { return f.Name == name })
	if len(named) > 0 || len(name) < shortestPrefix {
		return named
	}
	begin := filter(all, func(f found) bool { return strings.HasPrefix(f.ID, name) })
	return filter(begin, func(f found) bool {
		return !slices.ContainsFunc(begin, func(other found) bool {
			return other.Provider == f.Provider && other.ID != f.ID && strings.HasPrefix(f.ID, other.ID)
		})
	})
}

func filter[T any](all []T, keep func(T) bool) []T {
	var out []T
	for _, one := range all {
		if keep(one) {
			out = append(out, one)
		}
	}
	return out
}

// several is the error of a name that more than one volume has.
func several(subject string, matches []found) error {
	e := &core.Error{Kind: core.Invalid, Subject: subject, Text: fmt.Sprintf("%d volumes are called so", len(matches)), Hint: "say the whole vid, or PROVIDER/VOLUME"}
	for _, f := range matches[:min(len(matches), 10)] {
		e.Faults = append(e.Faults, core.Fault{Path: f.Provider + "/" + f.ID, Text: strings.TrimSpace(f.Name + " " + f.Place)})
	}
	return e
}

// info is a volume with what the ledger knows of it.
func (m *Meson) info(ctx context.Context, v core.Volume) (VolumeInfo, error) {
	list, err := m.infos(ctx, []core.Volume{v})
	if err != nil {
		return VolumeInfo{}, err
	}
	return list[0], nil
}

func (m *Meson) infos(ctx context.Context, volumes []core.Volume) ([]VolumeInfo, error) {
	names, holders := map[string]string{}, map[string]string{}
	if slices.ContainsFunc(volumes, func(v core.Volume) bool { return len(v.Uses) > 0 || v.Lock != nil }) {
		allocations, err := m.Ledger.Allocations(ctx, ledger.Filter{})
		if err != nil {
			return nil, err
		}
		for _, a := range allocations {
			names[a.ID] = a.Name
		}
		mappings, err := m.Mappings(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range mappings {
			holders[t.ID] = t.Holder
		}
	}
	records, err := m.Ledger.Volumes(ctx, ledger.VolumeFilter{})
	if err != nil {
		return nil, err
	}
	bought := map[string]core.VolumeRecord{}
	for _, r := range records {
		bought[r.Provider+"/"+r.VolumeID] = r
	}
	list := make([]VolumeInfo, 0, len(volumes))
	for _, v := range volumes {
		info := VolumeInfo{Volume: v, Ours: v.Owner.Broker == m.Ledger.ID(), Machines: map[string]string{}}
		info.Uses = slices.Clone(v.Uses)
		for i, u := range v.Uses {
			if name, ok := names[u.Allocation]; ok {
				info.Machines[u.Allocation] = name
			}
			if who, ok := holders[u.Attachment]; ok { // nobody else knows that
				info.Uses[i].Holder = who
			}
		}
		if l := v.Lock; l != nil && names[l.Allocation] != "" {
			info.Machines[l.Allocation] = names[l.Allocation]
		}
		if r, ok := bought[v.Provider+"/"+v.ID]; ok && !r.Foreign {
			info.Quote = &r.Quote
		}
		list = append(list, info)
	}
	return list, nil
}

// seenLast are the volumes of this ledger at a provider that cannot be asked.
func (m *Meson) seenLast(ctx context.Context, failed core.Answer) ([]VolumeInfo, error) {
	records, err := m.Ledger.Volumes(ctx, ledger.VolumeFilter{Provider: failed.Provider})
	var list []VolumeInfo
	for _, r := range records {
		if r.Foreign {
			continue
		}
		info := recordInfo(r)
		info.LastSeen, info.Error = r.UpdatedAt, failed.Err
		list = append(list, info)
	}
	return list, err
}

// recordInfo is a volume as the ledger has it.
func recordInfo(r core.VolumeRecord) VolumeInfo {
	state, ok := map[core.VolumeRecordState]core.VolumeState{
		core.VolumeMade: core.VolumeAvailable, core.VolumeUndoing: core.VolumeDeleting, core.VolumeRefused: core.VolumeFailed, core.VolumeRemoved: core.VolumeGone,
	}[r.State]
	if !ok {
		state = core.VolumeCreating
	}
	return VolumeInfo{
		Volume: core.Volume{
			ID: r.VolumeID, Provider: r.Provider, Owner: r.Owner, Name: r.Name, State: state, VolumeSpec: r.Spec, Region: r.Quote.Offer.Region,
			Zone: r.Quote.Offer.Zone, Tier: r.Quote.Offer.Tier, Uses: []core.VolumeUse{}, CreatedAt: r.CreatedAt,
		},
		Ours: !r.Foreign, Machines: map[string]string{}, Quote: &r.Quote,
	}
}

// ListVolumes implements [Broker].
func (m *Meson) ListVolumes(ctx context.Context, provider string) ([]VolumeInfo, []core.Answer, error) {
	providers, failures, err := m.storage(ctx, provider)
	if err != nil {
		return nil, nil, err
	}
	all, more := each(ctx, listStorage, providers, func(ctx context.Context, p *host.Provider) ([]core.Volume, error) { return p.ListVolumes(ctx, "") })
	list, err := m.infos(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	failures = append(failures, more...)
	for _, f := range failures {
		last, err := m.seenLast(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		// What a part of an answer had is not shown twice.
		list = append(list, filter(last, func(v VolumeInfo) bool {
			return !slices.ContainsFunc(all, func(a core.Volume) bool { return a.Provider == v.Provider && a.ID == v.ID })
		})...)
	}
	return list, failures, nil
}

// ShowVolume implements [Broker].
func (m *Meson) ShowVolume(ctx context.Context, name string) (VolumeInfo, []core.Snapshot, error) {
	v, err := m.volume(ctx, name)
	if err != nil {
		return VolumeInfo{}, nil, err
	}
	info, err := m.info(ctx, v.Volume)
	if err != nil {
		return VolumeInfo{}, nil, err
	}
	snapshots, err := v.at.ListSnapshots(ctx, v.ID)
	if core.KindOf(err) == core.Unsupported {
		err = nil
	}
	return info, snapshots, err
}
