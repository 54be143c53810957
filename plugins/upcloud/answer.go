package upcloud

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// question is one Offer with all that is known for it.
type question struct {
	ask     *ask
	horizon pricing.Horizon
	limit   int
	offerID string
	now     time.Time
	// reasons are why no server at all can be offered.
	reasons []*pb.Reason

	shop *shop
	// boot is nil where templates are not known, or there is none.
	boot *boot
	use  *use
	// stock of GPU plans by zone and plan, and networks by UUID; nil: not known.
	stock    map[string]map[string]int
	networks map[string]string

	discontinued, spot bool
	tier               string

	// free are the free choices of cores and memory that fit.
	free  []*plan
	lines []pricing.Quantity // of the candidate at hand
	// told are the facts of offers: those of one plan in several zones share them.
	told map[told]map[string]string
	// consumers are who their machines are to volumes, by zone.
	provider  string
	consumers map[string]*pb.Consumer
}

// told is what facts depend on.
type told struct {
	plan        *plan
	template    *template
	diskGiB     int
	unspecified bool
}

// found is a candidate that fits, with what it costs.
type found struct {
	candidate
	diskGiB  int
	tier     string
	template *template
	total    pricing.Money
}

// answer is pure: it neither asks anybody nor keeps anything but prices made
// ready for a horizon. An error means that prices make no sense.
func (q *question) answer() (*pb.OfferResponse, error) {
	out := &pb.OfferResponse{Reasons: q.reasons}
	t := &tally{q: q, room: q.use.room()}
	var fits []found
	if len(q.reasons) == 0 {
		fits = make([]found, 0, q.shop.size())
		if len(q.ask.gpus) == 0 {
			q.free = q.shop.freeSizes(q.ask)
		}
		for _, at := range q.shop.zones {
			fits = q.zone(at, fits, t)
		}
	}
	if err := q.price(fits); err != nil {
		return nil, err
	}
	order := make([]*found, len(fits))
	for i := range fits {
		order[i] = &fits[i]
	}
	slices.SortFunc(order, func(a, b *found) int {
		if c, _ := a.total.Cmp(b.total); c != 0 { // of one list, so of one currency
			return c
		}
		return cmp.Compare(a.id(q.ask, a.diskGiB), b.id(q.ask, b.diskGiB))
	})
	if q.limit > 0 && len(order) > q.limit {
		order = order[:q.limit]
	}
	out.Offers = make([]*pb.Offer, len(order))
	expires := timestamppb.New(q.now.Add(offerLife))
	for i, f := range order {
		var err error
		if out.Offers[i], err = q.offer(f, expires); err != nil {
			return nil, err
		}
	}
	if len(q.reasons) == 0 {
		out.Reasons = append(out.Reasons, t.reasons(len(fits))...)
	}
	return out, nil
}

// zone adds what fits in a zone.
func (q *question) zone(at *place, fits []found, t *tally) []found {
	boot, no := q.bootIn(at)
	if no != nil {
		t.zones = append(t.zones, no)
		return fits
	}
	c := &conditions{ask: q.ask, tier: q.tier, room: t.room, stock: q.stock}
	minDisk := 0
	if boot != nil {
		minDisk = boot.sizeGiB
	}
	try := func(o candidate) {
		trouble, disk, tier := c.try(&o, minDisk)
		if q.offerID != "" && q.offerID != o.id(q.ask, disk) {
			return
		}
		if t.note(&o, trouble, disk) {
			fits = append(fits, found{candidate: o, diskGiB: disk, tier: tier, template: boot})
		}
	}
	for _, s := range at.sold {
		// A GPU is for those who ask for one.
		if s.plan.gpus > 0 && len(q.ask.gpus) == 0 {
			continue
		}
		try(candidate{at, s.plan, s.sku})
	}
	if at.skuCore != "" && at.skuMemory != "" {
		for _, p := range q.free {
			try(candidate{at, p, ""})
		}
	}
	return fits
}

// bootIn is what servers of a zone are made from, nil where nobody knows yet, or
// why there can be none.
func (q *question) bootIn(at *place) (*template, *pb.Reason) {
	for _, n := range q.ask.networks {
		zone, there := q.networks[n]
		switch {
		case q.networks == nil:
		case !there:
			return nil, &pb.Reason{Candidate: at.zone, Field: "networks", Want: n, Have: "no such network", Text: "the account has no private network " + n}
		case zone != at.zone:
			return nil, &pb.Reason{Candidate: at.zone, Field: "networks", Want: n, Have: "a network of " + zone, Text: "network " + n + " is in " + zone}
		}
	}
	if q.boot == nil {
		return nil, nil
	}
	boot := q.boot.of(at.zone)
	switch {
	case boot == nil:
		return nil, &pb.Reason{Candidate: at.zone, Field: "misc.os_flavour", Want: q.boot.label, Have: "no template", Text: "no template of " + q.boot.label + " is in " + at.zone}
	case boot.licensed:
		return nil, &pb.Reason{
			Candidate: at.zone, Field: "misc.os_flavour", Want: q.boot.label, Have: "a template with a licence fee",
			Text: boot.title + " has a licence fee, which cannot be priced yet",
		}
	}
	return boot, nil
}

// id names a candidate among all offers.
func (o *candidate) id(a *ask, diskGiB int) string {
	return o.at.zone + "/" + o.plan.name + "/" + digits(diskGiB) + "g" + a.label
}

// offer is what is sent of a candidate.
func (q *question) offer(f *found, expires *timestamppb.Timestamp) (*pb.Offer, error) {
	o := &pb.Offer{
		Id: f.id(q.ask, f.diskGiB), Region: f.at.region, Zone: f.at.zone, Shape: f.plan.name, Vcpus: uint32(f.plan.cores), MemoryMib: uint64(f.plan.memoryMiB),
		Arch: "x86_64", Unknown: q.unknown(f), PriceListRevision: q.shop.list.Revision, ExpiresAt: expires,
		Facts: q.facts(f), QuoteOnly: q.shop.quoteOnly, Consumer: q.consumer(f.at.zone),
	}
	q.lines = f.appendQuantities(q.lines[:0], q.ask, f.diskGiB, f.tier, true)
	o.Quantities = make([]*pb.Quantity, len(q.lines))
	for i, n := range q.lines {
		o.Quantities[i] = sdk.QuantityToPB(n)
	}
	if q.shop.quoteOnly != "" || f.template == nil {
		return o, nil
	}
	m := machine{
		Zone: f.at.zone, Cores: f.plan.cores, MemoryMiB: f.plan.memoryMiB, Template: f.template.uuid, Title: f.template.title,
		DiskGiB: f.diskGiB, Tier: f.tier, PublicIPv4: q.ask.ipv4, Networks: q.ask.networks,
	}
	if f.sku != "" {
		m.Plan = f.plan.name
	}
	var err error
	o.Token, err = m.token()
	return o, err
}

func (q *question) unknown(f *found) []string {
	unknown := q.ask.unknown
	if _, certain := f.plan.fitsPCI(q.ask.gpus); len(q.ask.gpus) > 0 && !certain {
		unknown = append(slices.Clone(unknown), "pci")
	}
	if q.shop.quoteOnly != "" && q.ask.pledge.GetOsFlavour() != "" {
		unknown = append(slices.Clone(unknown), "misc.os_flavour")
	}
	return unknown
}

// facts are for people to choose by.
func (q *question) facts(f *found) map[string]string {
	key := told{f.plan, f.template, f.diskGiB, f.at.zone == unspecified}
	if facts := q.told[key]; facts != nil {
		return facts
	}
	p := f.plan
	facts := map[string]string{"family": p.family, "disk": digits(f.diskGiB) + " GiB " + f.tier}
	if f.template != nil {
		facts["template"] = f.template.title
	}
	if p.gpus > 0 {
		facts["gpu"] = digits(p.gpus) + " × " + p.gpuModel
	}
	if p.spot() {
		facts["spot"] = "true"
	}
	if !p.current {
		facts["discontinued"] = "true"
	}
	if key.unspecified {
		facts["note"] = "a list price of which the zone is not known"
	}
	if q.told == nil {
		q.told = map[told]map[string]string{}
	}
	q.told[key] = facts
	return facts
}
