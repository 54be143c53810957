package upcloud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk/pb"
)

// tally counts why candidates are not offered, so that one reason stands for all
// of a kind, with the smallest relaxation that would have helped.
type tally struct {
	q    *question
	room room
	// zones says why nothing of a zone is offered.
	zones []*pb.Reason
	// seen are the candidates with any trouble.
	seen int
	by   [troubles]counts
	// discontinued and spot fit, and the configuration does not want them.
	discontinued, spot int
}

// counts are the candidates with one trouble.
type counts struct {
	all int
	// near are those that are worth telling of, and names some of them. best is the
	// most that one has which has no other trouble.
	near  int
	best  int
	names []string
	// limit is the account's limit of storage that the first of them goes beyond.
	limit string
}

// note counts a candidate and reports whether it is to be offered.
func (t *tally) note(o *candidate, what trouble, diskGiB int) bool {
	switch {
	case !o.plan.current && !t.q.discontinued:
		if what == 0 {
			t.discontinued++
		}
		return false
	case o.plan.spot() && !t.q.spot:
		if what == 0 {
			t.spot++
		}
		return false
	case what == 0:
		return true
	}
	t.seen++
	for i := range troubles {
		bit := trouble(1) << i
		if what&bit == 0 {
			continue
		}
		c := &t.by[i]
		c.all++
		// A candidate that is of the right size is told of with all its troubles.
		if what != bit && what&wrongSize != 0 {
			continue
		}
		c.near++
		if n := size(o, bit, diskGiB); what == bit && n > c.best {
			c.best = n
		}
		if bit == overStorage && c.limit == "" {
			c.limit = "storage_total"
			if tier := cmp.Or(o.plan.tier, t.q.tier); diskGiB > t.room.tier(tier) {
				c.limit = "storage_" + tier
			}
		}
		if len(c.names) < 3 {
			c.names = append(c.names, o.at.zone+"/"+o.plan.name)
		}
	}
	return false
}

// size is what a candidate has of that which another one has too little of.
func size(o *candidate, what trouble, diskGiB int) int {
	switch what {
	case tooFewCores:
		return o.plan.cores
	case tooLittleMemory:
		return o.plan.memoryMiB
	case noDiskPrice:
		return o.plan.diskGiB
	}
	return diskGiB
}

// reasons are what the tally says when so many offers were made. What does not
// fit in size is nobody's business while something else does.
func (t *tally) reasons(offers int) []*pb.Reason {
	out := slices.Concat(t.zones, t.q.shop.leftOut)
	if zone, _, ok := strings.Cut(t.q.offerID, "/"); ok {
		out = slices.DeleteFunc(out, func(r *pb.Reason) bool { return r.GetCandidate() != zone })
	}
	for i := range troubles {
		bit, c := trouble(1)<<i, &t.by[i]
		worth := c.near > 0 && (offers == 0 || bit >= overCores)
		if worth || offers == 0 && c.all > 0 && c.all == t.seen {
			out = append(out, t.reason(bit, c))
		}
	}
	if offers == 0 && t.discontinued > 0 {
		out = append(out, &pb.Reason{
			Field: "plan", Want: "a plan that is still offered", Have: "discontinued ones",
			Text: fmt.Sprintf("%s would fit: set discontinued in the provider's settings to have them offered", counted(t.discontinued, "discontinued plan")),
		})
	}
	if offers == 0 && t.spot > 0 {
		out = append(out, &pb.Reason{
			Field: "plan", Want: "a plan that stays", Have: "ones that may be taken back",
			Text: fmt.Sprintf("%s would fit: set spot in the provider's settings to have them offered", counted(t.spot, "spot plan")),
		})
	}
	if offers == 0 && len(out) == 0 {
		r := &pb.Reason{Candidate: t.q.offerID, Field: "plan", Want: "a plan that fits", Have: "none", Text: "UpCloud sells no plan in any zone that is offered"}
		if t.q.offerID != "" {
			r.Field, r.Want, r.Have, r.Text = "offer_id", t.q.offerID, "other offers", "this offer is not made any more"
		}
		out = append(out, r)
	}
	return out
}

// reason is about one trouble.
func (t *tally) reason(what trouble, c *counts) *pb.Reason {
	a, p := t.q.ask, t.q.ask.pledge
	r := &pb.Reason{}
	set := func(field, want, have, relax, format string, args ...any) *pb.Reason {
		r.Field, r.Want, r.Have, r.Relax, r.Text = field, want, have, relax, fmt.Sprintf(format, args...)
		return r
	}
	limit := func(field, name string, per int) *pb.Reason {
		most, used, _ := t.q.use.left(name)
		relax := ""
		if left := (most - used) / per; left > 0 && (field == "slots" || field == "ramsize" || field == "boot_disk_gib") {
			relax = fmt.Sprintf("%s=%d", field, left)
		}
		return set(field, "within the account's limit "+name, fmt.Sprintf("%d of %d in use", used, most), relax,
			"the account's limit %s is %d, and %d are in use", name, most, used)
	}
	switch what {
	case tooFewCores:
		relax := ""
		if slots := c.best / a.perSlot; slots > 0 {
			relax = fmt.Sprintf("slots=%d", slots)
		}
		return set("slots", fmt.Sprint(p.GetSlots()), t.most(func(p *plan) int { return p.cores })+" cores", relax,
			"%s: no plan that fits otherwise has as many", counted(a.cores, "core"))
	case tooLittleMemory:
		relax := ""
		if c.best > 0 {
			relax = fmt.Sprintf("ramsize=%d", c.best)
		}
		return set("ramsize", fmt.Sprint(a.memoryMiB), t.most(func(p *plan) int { return p.memoryMiB })+" MiB", relax,
			"%d MiB: no plan that fits otherwise has as much", a.memoryMiB)
	case otherGPUs:
		return set("pci", devices(p), strings.Join(t.gpus(), ", "), "pci=[]", "%s: no plan that fits otherwise has these devices", devices(p))
	case strictGPU:
		return set("pci", devices(p), "unknown", "strict=false", "UpCloud does not say which model its GPUs are")
	case noDiskPrice:
		relax := ""
		if c.best > 0 {
			relax = fmt.Sprintf("boot_disk_gib=%d", c.best)
		}
		return set("boot_disk_gib", fmt.Sprint(a.diskGiB), "no price", relax, "%d GiB: there is no price for a disk of this tier in that zone", a.diskGiB)
	case noAddressPrice:
		return set("public_ipv4", "true", "no price", "public_ipv4=false", "there is no price for a public address in that zone")
	case overCores:
		return limit("slots", "cores", a.perSlot)
	case overMemory:
		return limit("ramsize", "memory", 1)
	case overGPUs:
		return limit("pci", "gpus", 1)
	case overAddresses:
		r = limit("public_ipv4", "public_ipv4", 1)
		r.Relax = "public_ipv4=false"
		return r
	case overStorage:
		return limit("boot_disk_gib", c.limit, 1)
	}
	r.Candidate = strings.Join(c.names, ", ")
	return set("pci", devices(p), "none left", "", "sold out: %s", r.Candidate)
}

// most is the largest that any plan on sale has of something.
func (t *tally) most(of func(*plan) int) string {
	n := 0
	for _, at := range t.q.shop.zones {
		for _, s := range at.sold {
			n = max(n, of(s.plan))
		}
	}
	return digits(n)
}

// gpus are the models on sale.
func (t *tally) gpus() []string {
	var models []string
	for _, at := range t.q.shop.zones {
		for _, s := range at.sold {
			if m := gpuKind(s.plan.gpuModel); m != "" && !slices.Contains(models, m) {
				models = append(models, m)
			}
		}
	}
	slices.Sort(models)
	if len(models) == 0 {
		return []string{"no device"}
	}
	return models
}

func devices(p *pb.Pledge) string {
	var ids []string
	for _, d := range p.GetPci() {
		ids = append(ids, fmt.Sprintf("%d × %s:%s", d.GetCount(), d.GetVendor(), d.GetModel()))
	}
	return strings.Join(ids, ", ")
}
