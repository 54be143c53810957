package vault

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// index is what is known of a vault's volumes, by folder.
type index struct {
	mu   sync.Mutex
	vols map[string]*Volume
	ids  map[string][]string
	// touched says after which number a folder was put or removed, for scans that
	// began before.
	touched map[string]uint64
	number  uint64
	// scan is the number that the latest scan ended with: readings that were begun
	// before it may be older than what it found.
	scan      uint64
	faults    []string
	dirs      []string
	leftovers []string
	scanned   bool
	// watching is whether Watch runs, watched whether it has looked at everything.
	watching bool
	watched  bool
	changed  chan struct{}
}

func newIndex() *index {
	return &index{vols: map[string]*Volume{}, ids: map[string][]string{}, touched: map[string]uint64{}, changed: make(chan struct{})}
}

// put notes what a folder holds now; nil: nothing.
func (x *index) put(folder string, vol *Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.note(folder, vol)
}

func (x *index) note(folder string, vol *Volume) {
	x.number++
	x.touched[folder] = x.number
	if x.set(folder, vol) {
		x.announce()
	}
}

// now is the number to read a folder at, for putRead, and what is known of it.
func (x *index) now(folder string) (uint64, *Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.number, x.vols[folder]
}

// putRead is put for what was read of a folder since a number. False, and nothing is
// noted, where the folder may have been put or removed since by somebody who knows
// better.
func (x *index) putRead(folder string, vol *Volume, since uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if max(x.touched[folder], x.scan) > since {
		return false
	}
	x.note(folder, vol)
	return true
}

// set reports whether anything changed.
func (x *index) set(folder string, vol *Volume) bool {
	old := x.vols[folder]
	if old != nil {
		x.ids[old.ID] = slices.DeleteFunc(slices.Clone(x.ids[old.ID]), func(f string) bool { return f == folder })
		if len(x.ids[old.ID]) == 0 {
			delete(x.ids, old.ID)
		}
	}
	delete(x.vols, folder)
	if vol != nil {
		x.vols[folder] = vol
		x.ids[vol.ID] = append(slices.Clip(x.ids[vol.ID]), folder)
	}
	return !alike(old, vol)
}

// alike reports whether two readings say the same, but for the space that is used.
func alike(a, b *Volume) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Revision == b.Revision && a.DataFile == b.DataFile && a.Directory == b.Directory && slices.Equal(a.Faults, b.Faults)
}

func (x *index) announce() {
	close(x.changed)
	x.changed = make(chan struct{})
}

// begin is the number to give to scanned.
func (x *index) begin() (uint64, map[string]*Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.number, maps.Clone(x.vols)
}

// finish takes what a scan found, except for folders that somebody has put since it
// began.
func (x *index) finish(s *scan, began uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := make(map[string]*Volume, len(s.vols))
	for _, v := range s.vols {
		found[v.Folder] = v
	}
	changed := !x.scanned
	for folder := range x.vols {
		if found[folder] == nil && x.touched[folder] <= began {
			changed = x.set(folder, nil) || changed
		}
	}
	for folder, v := range found {
		if x.touched[folder] <= began {
			changed = x.set(folder, v) || changed
		}
	}
	maps.DeleteFunc(x.touched, func(_ string, n uint64) bool { return n <= began })
	x.number++
	x.scan = x.number
	x.faults, x.dirs, x.leftovers, x.scanned = s.faults, s.dirs, s.leftovers, true
	if changed {
		x.announce()
	}
}

// view is a volume with what its neighbours make of it: one that shares its id with
// others has a fault.
func (x *index) view(v *Volume) *Volume {
	for _, other := range x.ids[v.ID] {
		if other == v.Folder || v.ID == "" {
			continue
		}
		c := *v
		c.Faults = append(slices.Clip(v.Faults), Fault{Text: "the vault has it twice: also as " + other, Unreadable: true})
		return &c
	}
	return v
}

// all is every volume by id and folder.
func (x *index) all() []*Volume {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]*Volume, 0, len(x.vols))
	for _, v := range x.vols {
		out = append(out, x.view(v))
	}
	slices.SortFunc(out, func(a, b *Volume) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Folder, b.Folder)) })
	return out
}

// folders are those that have an id.
func (x *index) folders(id string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Sorted(slices.Values(x.ids[id]))
}
