package upcloud

import (
	"strconv"

	"github.com/mesoncloud/meson/pricing"
)

// candidate is a size of server in a zone.
type candidate struct {
	at   *place
	plan *plan
	// sku is the plan's; empty for a free choice of cores and memory.
	sku string
}

// trouble is what keeps a candidate from being offered. Each is about one field
// of the pledge, so that a candidate with one of them is one relaxation away.
type trouble uint16

const (
	tooFewCores trouble = 1 << iota
	tooLittleMemory
	otherGPUs
	noDiskPrice
	noAddressPrice
	overCores
	overMemory
	overGPUs
	overAddresses
	overStorage
	soldOut
	strictGPU
	troubles = 12

	// wrongSize are those of a size that nobody asked for.
	wrongSize = tooFewCores | tooLittleMemory | otherGPUs | noDiskPrice | noAddressPrice
)

// conditions are what is the same for all candidates of an answer.
type conditions struct {
	ask  *ask
	tier string
	// use is nil where the account cannot be asked.
	use *use
	// stock of GPU plans by zone and plan; nil: not known.
	stock map[string]map[string]int
}

// try says what keeps a candidate from being offered, and how large its boot disk
// would be.
func (c *conditions) try(o *candidate, minDisk int) (t trouble, diskGiB int, tier string) {
	a, p := c.ask, o.plan
	if p.cores < a.cores {
		t |= tooFewCores
	}
	if p.memoryMiB < a.memoryMiB {
		t |= tooLittleMemory
	}
	switch fits, certain := p.fitsPCI(a.gpus); {
	case !fits:
		t |= otherGPUs
	case len(a.gpus) > 0 && !certain && a.pledge.GetStrict():
		t |= strictGPU
	}
	diskGiB, tier = max(a.diskGiB, minDisk), c.tier
	if p.diskGiB > 0 {
		tier = p.tier
	}
	if p.diskGiB >= diskGiB {
		diskGiB = p.diskGiB
	} else if !o.at.storage[tier] {
		t |= noDiskPrice
	}
	if a.ipv4 && !o.at.ipv4 && !p.bringsIPv4() {
		t |= noAddressPrice
	}
	if p.gpus > 0 && c.stock != nil && c.stock[o.at.zone][p.name] < 1 {
		t |= soldOut
	}
	return t | c.limits(p, diskGiB, tier), diskGiB, tier
}

// limits are those of the account that a server would go beyond.
func (c *conditions) limits(p *plan, diskGiB int, tier string) (t trouble) {
	if c.use == nil {
		return 0
	}
	over := func(name string, more int, what trouble) {
		if limit, used, known := c.use.left(name); known && more > 0 && used+more > limit {
			t |= what
		}
	}
	over("cores", p.cores, overCores)
	over("memory", p.memoryMiB, overMemory)
	over("gpus", p.gpus, overGPUs)
	if c.ask.ipv4 {
		over("public_ipv4", 1, overAddresses)
	}
	over("storage_"+tier, diskGiB, overStorage)
	over("storage_total", diskGiB, overStorage)
	return t
}

// quantities are what is paid for a candidate.
func (o *candidate) quantities(a *ask, diskGiB int, tier string) []pricing.Quantity {
	z, p := o.at, o.plan
	out := make([]pricing.Quantity, 0, 4)
	if o.sku != "" {
		out = append(out, pricing.Quantity{SKU: o.sku, Amount: "1", Divisor: 1, Text: p.name})
	} else {
		out = append(out,
			pricing.Quantity{SKU: skuCore(z.zone), Amount: digits(p.cores), Divisor: 1, Text: counted(p.cores, "core")},
			pricing.Quantity{SKU: skuMemory(z.zone), Amount: digits(p.memoryMiB), Divisor: 1024, Text: digits(p.memoryMiB) + " MiB of memory"})
	}
	switch sku := z.bundled[tier]; {
	case p.diskGiB < diskGiB:
		text := "boot disk of tier " + tier
		if p.diskGiB > 0 {
			text += ", larger than the " + digits(p.diskGiB) + " GiB that the plan brings along and so paid as a whole"
		}
		out = append(out, pricing.Quantity{SKU: skuStorage(z.zone, tier), Amount: digits(diskGiB), Divisor: 1, Text: text})
	case sku != "":
		out = append(out, pricing.Quantity{SKU: sku, Amount: digits(diskGiB), Divisor: 1, Text: "boot disk of tier " + tier + ", of the plan", Included: true})
	}
	if !a.ipv4 {
		return out
	}
	switch sku := z.bundled["ipv4"]; {
	case p.bringsIPv4() && sku != "":
		return append(out, pricing.Quantity{SKU: sku, Amount: "1", Divisor: 1, Text: "public IPv4 address, of the plan", Included: true})
	case p.bringsIPv4():
		return out // UpCloud has no price that a line could be of
	}
	return append(out, pricing.Quantity{SKU: skuIPv4(z.zone), Amount: "1", Divisor: 1, Text: "public IPv4 address"})
}

func digits(n int) string { return strconv.Itoa(n) }
