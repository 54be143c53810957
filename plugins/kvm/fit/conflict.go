package fit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// Conflict is one promise that a claim breaks, or that is broken to it.
type Conflict struct {
	// Field is slots, ramsize, pci, boot_disk_gib, or host where the claim
	// itself is not there.
	Field string
	// Text is one clause for people.
	Text string
	// With are the UUIDs of the other domains concerned, sorted.
	With []string
	// Settled is true where the conflict stays even if every claim that is not
	// yet held is withdrawn: there is no use in trying the same again.
	Settled bool
}

// Conflicts looks at a host on which the domain of the given UUID has been
// defined with its claim, and says what does not hold there with all other
// domains and all claims, settled or not. None means that the claim stands: it
// may be marked held and the domain started. A UUID that is not on the host, or
// has no claim, is itself a conflict.
func Conflicts(h *inventory.Host, limits Limits, uuid string) []Conflict {
	mine, there := h.Guest(uuid)
	if !there || mine.Claim == nil {
		return []Conflict{{Field: "host", Text: "the domain is not there, or its claim is not", Settled: true}}
	}
	found := conflicts(h, limits, mine, h.Guests)
	if len(found) == 0 {
		return nil
	}
	settled := slices.DeleteFunc(slices.Clone(h.Guests), func(g inventory.Guest) bool {
		return g.UUID != uuid && !g.Active && g.Claim != nil && g.Claim.State != inventory.Held
	})
	for _, c := range conflicts(h, limits, mine, settled) {
		for i := range found {
			if found[i].Field == c.Field {
				found[i].Settled = true
			}
		}
	}
	return found
}

func conflicts(h *inventory.Host, limits Limits, mine *inventory.Guest, guests []inventory.Guest) []Conflict {
	var found []Conflict
	found = append(found, coreConflicts(h, limits, mine, guests)...)
	if _, missing := memoryFree(h, limits, guests); missing > 0 {
		found = append(found, Conflict{Field: "ramsize", Text: fmt.Sprintf("%d MiB more are promised than the host has", missing), With: unsettled(guests, mine)})
	}
	if p, there := h.Pool(mine.Claim.Pool); there {
		if _, missing := diskFree(p, guests); missing > 0 {
			found = append(found, Conflict{Field: "boot_disk_gib", Text: fmt.Sprintf("%d MiB more are promised than storage pool %s has", missing, p.Name), With: unsettled(guests, mine)})
		}
	}
	for _, g := range guests {
		if g.UUID == mine.UUID {
			continue
		}
		for _, a := range g.PCI {
			if slices.Contains(mine.PCI, a) {
				found = append(found, Conflict{Field: "pci", Text: fmt.Sprintf("%s is also domain %s's", a, g.UUID), With: []string{g.UUID}})
			}
		}
	}
	return found
}

func coreConflicts(h *inventory.Host, limits Limits, mine *inventory.Guest, guests []inventory.Guest) []Conflict {
	b := newBoard(h, limits, guests)
	var found []Conflict
	cores := map[int]bool{}
	for _, t := range mine.Claim.Units {
		c, there := b.coreOf[t]
		if !there || c < b.reserve {
			found = append(found, Conflict{Field: "slots", Text: fmt.Sprintf("thread %d is not to be given away", t)})
			continue
		}
		cores[c] = true
		if b.threadLoad(t) > b.threadTolerance(t) {
			found = append(found, Conflict{
				Field: "slots", With: b.others(b.onThread[t], mine.UUID),
				Text: fmt.Sprintf("%d share thread %d, and one of them tolerates %d", b.threadLoad(t), t, b.threadTolerance(t)),
			})
		}
	}
	for _, c := range sorted(cores) {
		if b.coreLoad(c) > b.coreTolerance(c) {
			found = append(found, Conflict{
				Field: "slots", With: b.others(b.onCore[c], mine.UUID),
				Text: fmt.Sprintf("%d share the core of thread %d, and one of them tolerates %d", b.coreLoad(c), b.cores[c].Threads[0], b.coreTolerance(c)),
			})
		}
	}
	without := newBoard(h, limits, slices.DeleteFunc(slices.Clone(guests), func(g inventory.Guest) bool { return g.UUID == mine.UUID }))
	if b.homeless > without.homeless {
		found = append(found, Conflict{Field: "slots", Text: "no room is left for the domains that are not pinned"})
	}
	return found
}

// others are the UUIDs of machines but one's own.
func (b *board) others(machines []int, mine string) []string {
	var out []string
	for _, i := range machines {
		if u := b.machines[i].uuid; u != mine {
			out = append(out, u)
		}
	}
	slices.Sort(out)
	return out
}

// unsettled are the other claims that may yet go away.
func unsettled(guests []inventory.Guest, mine *inventory.Guest) []string {
	var out []string
	for _, g := range guests {
		if g.UUID != mine.UUID && g.Claim != nil && g.Claim.State != inventory.Held {
			out = append(out, g.UUID)
		}
	}
	slices.Sort(out)
	return out
}

func sorted(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }
