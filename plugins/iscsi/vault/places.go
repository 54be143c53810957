package vault

import (
	"cmp"
	"fmt"
	"slices"
)

// Place is one volume id with every folder that holds it, over several vaults.
type Place struct {
	ID string
	// Authority is the one that may be written; nil where none may, and Why says why.
	Authority *Volume
	Why       string
	// All are the folders in the order of preference for reading.
	All []*Volume
	// Epoch is the highest of all; Begin.After for the authority.
	Epoch uint64
	// unclear is why nobody knows which of them holds what was written last; empty
	// where that is known.
	unclear string
}

// Places sorts the volumes of several vaults, given in the order in which they are
// configured, by id. The authority is the place with the highest epoch. Of several
// with the same, the one in whose vault that epoch was raised; where no epoch was
// ever raised, the first. Otherwise nobody knows which one is newer, and none may be
// written. A volume with faults is never the authority, but keeps a place with a
// lower epoch from being it; one whose metadata do not tell its epoch keeps all
// others from it. A place in use for writing that another is the authority of is a
// Why too: two have been written.
func Places(vaults ...[]*Volume) map[string]*Place {
	out := map[string]*Place{}
	for _, vols := range vaults {
		for _, v := range vols {
			if v.ID == "" {
				continue
			}
			p := out[v.ID]
			if p == nil {
				p = &Place{ID: v.ID}
				out[v.ID] = p
			}
			p.All = append(p.All, v)
			p.Epoch = max(p.Epoch, v.State.Epoch)
		}
	}
	for _, p := range out {
		p.decide()
	}
	return out
}

func (p *Place) decide() {
	slices.SortStableFunc(p.All, func(a, b *Volume) int {
		return cmp.Or(-compareBool(a.Readable(), b.Readable()), -cmp.Compare(a.State.Epoch, b.State.Epoch), -compareBool(a.raisedHere(), b.raisedHere()))
	})
	var top []*Volume
	for _, v := range p.All {
		switch {
		case v.broken && len(p.All) > 1:
			p.Why = fmt.Sprintf("%s may be newer: %s", v.Folder, v.Faults[0].Text)
			p.unclear = p.Why
			return
		case v.State.Epoch == p.Epoch:
			top = append(top, v)
		}
	}
	if p.Epoch > 0 && len(top) > 1 {
		here := slices.DeleteFunc(slices.Clone(top), func(v *Volume) bool { return !v.raisedHere() })
		if len(here) != 1 {
			p.Why = fmt.Sprintf("%s and %s both have epoch %d, and which one is newer is not known", top[0].Folder, top[1].Folder, p.Epoch)
			if len(here) > 1 {
				p.unclear = p.Why
			}
			return
		}
		top = here
	}
	for _, v := range p.All {
		if v != top[0] && v.writes() && v.raisedHere() {
			p.Why = fmt.Sprintf("%s is being written too", v.Folder)
			p.unclear = p.Why
			return
		}
	}
	if len(top[0].Faults) > 0 {
		p.Why = top[0].Faults[0].Text
		return
	}
	p.Authority = top[0]
}

// Reader is the place that is read where nobody says which: one that holds what was
// written last. That is the authority; where that cannot be read, or there is none, a
// whole place of the highest epoch that can be and has the volume's size, the one with
// the fewest faults, of those the first of All. A place of a lower epoch may be older
// and is never the one, nor is any where nobody knows which is the newest: nil then,
// and why says why. A volume with one place is read there.
func (p *Place) Reader() (v *Volume, why string) {
	switch {
	case len(p.All) == 1:
		return p.All[0], ""
	case p.unclear != "":
		return nil, p.unclear
	case p.Authority != nil:
		return p.Authority, ""
	}
	size := uint64(0)
	for _, one := range p.All {
		size = max(size, one.Meta.SizeBytes)
	}
	for _, one := range p.All {
		switch {
		case one.State.Epoch < p.Epoch || one.Meta.SizeBytes < size: // it has grown since
		case one.writes() && one.raisedHere():
			return one, "" // no copy has what is written here
		case !one.Readable() || !one.Whole():
		case v == nil || len(one.Faults) < len(v.Faults):
			v = one
		}
	}
	if v == nil {
		return nil, "no place of epoch " + fmt.Sprint(p.Epoch) + " can be read: " + p.Why
	}
	return v, ""
}

// Whole reports whether a place has all that was written under its epoch: it was not
// copied while somebody wrote.
func (v *Volume) Whole() bool {
	return !slices.ContainsFunc(v.State.Uses, func(u Use) bool { return u.Writable && v.Copied(u) }) &&
		(v.State.Partial == 0 || v.State.Partial < v.State.Epoch)
}

// writes reports whether the volume has the record of a writer.
func (v *Volume) writes() bool {
	return slices.ContainsFunc(v.State.Uses, func(u Use) bool { return u.Writable })
}

// raisedHere reports whether the volume's epoch was raised in its own vault: a copy
// of it in another vault says so of the first.
func (v *Volume) raisedHere() bool { return v.State.EpochAt == v.VaultID && v.VaultID != "" }

// Copied reports whether a use is one of another vault's volume, from where the
// folder was copied or moved with its record: nobody has the volume by it here.
func (v *Volume) Copied(u Use) bool {
	return u.Writable && !v.raisedHere() || u.Vault != "" && u.Vault != v.VaultID
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
