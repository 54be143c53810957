package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
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

// volume is the one that a person names; see VolumeRequest.
func (m *Meson) volume(ctx context.Context, name string) (found, error) {
	subject := "volume " + name
	provider, id, named := strings.Cut(name, "/")
	if !named {
		provider, id = "", name
	}
	if id == "" || named && provider == "" {
		return found{}, &core.Error{Kind: core.Invalid, Subject: subject, Text: "want a vid or a name, or PROVIDER/VOLUME"}
	}
	providers, failures, err := m.storage(ctx, provider)
	if err != nil {
		return found{}, err
	}
	// By its vid most providers find one at once; all must be listed for a name.
	exact, more := each(ctx, providers, func(ctx context.Context, p *host.Provider) ([]found, error) {
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
		all, more = each(ctx, providers, listAt)
		matches = matching(all, id)
	}
	failures = append(failures, more...)
	switch {
	case len(matches) == 1:
		return matches[0], nil
	case len(matches) > 1:
		return found{}, several(subject, matches)
	case len(failures) > 0:
		e := &core.Error{Kind: core.Unavailable, Subject: subject, Text: "no provider that answers has it"}
		for _, f := range failures {
			e.Faults = append(e.Faults, core.Fault{Path: f.Provider, Text: f.Err.Error()})
		}
		return found{}, e
	}
	return found{}, &core.Error{Kind: core.NotFound, Subject: subject, Text: "not found", Hint: "meson volume ls"}
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

// matching are the volumes of a name, else those whose vid begins so.
func matching(all []found, name string) []found {
	named := filter(all, func(f found) bool { return f.Name == name })
	if len(named) > 0 || len(name) < shortestPrefix {
		return named
	}
	return filter(all, func(f found) bool { return strings.HasPrefix(f.ID, name) })
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
	names := map[string]string{}
	if slices.ContainsFunc(volumes, func(v core.Volume) bool { return len(v.Uses) > 0 }) {
		allocations, err := m.Ledger.Allocations(ctx, ledger.Filter{})
		if err != nil {
			return nil, err
		}
		for _, a := range allocations {
			names[a.ID] = a.Name
		}
	}
	list := make([]VolumeInfo, 0, len(volumes))
	for _, v := range volumes {
		info := VolumeInfo{Volume: v, Ours: v.Owner.Broker == m.Ledger.ID(), Machines: map[string]string{}}
		for _, u := range v.Uses {
			if name, ok := names[u.Allocation]; ok {
				info.Machines[u.Allocation] = name
			}
		}
		list = append(list, info)
	}
	return list, nil
}

// ListVolumes implements [Broker].
func (m *Meson) ListVolumes(ctx context.Context, provider string) ([]VolumeInfo, []core.Answer, error) {
	providers, failures, err := m.storage(ctx, provider)
	if err != nil {
		return nil, nil, err
	}
	all, more := each(ctx, providers, func(ctx context.Context, p *host.Provider) ([]core.Volume, error) { return p.ListVolumes(ctx, "") })
	list, err := m.infos(ctx, all)
	return list, append(failures, more...), err
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
