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
			return
		case v.State.Epoch == p.Epoch:
			top = append(top, v)
		}
	}
	if p.Epoch > 0 && len(top) > 1 {
		here := slices.DeleteFunc(slices.Clone(top), func(v *Volume) bool { return !v.raisedHere() })
		if len(here) != 1 {
			p.Why = fmt.Sprintf("%s and %s both have epoch %d, and which one is newer is not known", top[0].Folder, top[1].Folder, p.Epoch)
			return
		}
		top = here
	}
	for _, v := range p.All {
		if v != top[0] && slices.ContainsFunc(v.State.Uses, func(u Use) bool { return u.Writable }) && v.raisedHere() {
			p.Why = fmt.Sprintf("%s is being written too", v.Folder)
			return
		}
	}
	if len(top[0].Faults) > 0 {
		p.Why = top[0].Faults[0].Text
		return
	}
	p.Authority = top[0]
}

// raisedHere reports whether the volume's epoch was raised in its own vault: a copy
// of it in another vault says so of the first.
func (v *Volume) raisedHere() bool { return v.State.EpochAt == v.VaultID && v.VaultID != "" }

// Copied reports whether a use is one of another vault's volume, from where the
// folder was copied or moved with its record: nobody may write by it here.
func (v *Volume) Copied(u Use) bool { return u.Writable && !v.raisedHere() }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
