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
	room room
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
	} else if o.at.storage[tier] == "" {
		t |= noDiskPrice
	}
	if a.ipv4 && o.at.ipv4 == "" && !p.bringsIPv4() {
		t |= noAddressPrice
	}
	if p.gpus > 0 && c.stock != nil && c.stock[o.at.zone][p.name] < 1 {
		t |= soldOut
	}
	return t | c.limits(p, diskGiB, tier), diskGiB, tier
}

// limits are those of the account that a server would go beyond.
func (c *conditions) limits(p *plan, diskGiB int, tier string) (t trouble) {
	if p.cores > c.room.cores {
		t |= overCores
	}
	if p.memoryMiB > c.room.memory {
		t |= overMemory
	}
	if p.gpus > max(c.room.gpus, 0) {
		t |= overGPUs
	}
	if c.ask.ipv4 && c.room.ipv4 < 1 {
		t |= overAddresses
	}
	// Whether a disk that is part of a plan counts is not known, so it does not.
	if diskGiB > p.diskGiB && (diskGiB > c.room.tier(tier) || diskGiB > c.room.storage) {
		t |= overStorage
	}
	return t
}

// appendQuantities adds what is paid for a candidate, with words where somebody
// reads them.
func (o *candidate) appendQuantities(to []pricing.Quantity, a *ask, diskGiB int, tier string, words bool) []pricing.Quantity {
	z, p := o.at, o.plan
	add := func(sku, amount string, divisor int64, included bool, text func() string) {
		n := pricing.Quantity{SKU: sku, Amount: amount, Divisor: divisor, Included: included}
		if words {
			n.Text = text()
		}
		to = append(to, n)
	}
	if o.sku != "" {
		add(o.sku, "1", 1, false, func() string { return p.name })
	} else {
		add(z.skuCore, digits(p.cores), 1, false, func() string { return counted(p.cores, "core") })
		add(z.skuMemory, digits(p.memoryMiB), 1024, false, func() string { return digits(p.memoryMiB) + " MiB of memory" })
	}
	switch sku := z.bundled[tier]; {
	case p.diskGiB < diskGiB:
		add(z.storage[tier], digits(diskGiB), 1, false, func() string {
			if p.diskGiB == 0 {
				return "boot disk of tier " + tier
			}
			return "boot disk of tier " + tier + ", larger than the " + digits(p.diskGiB) + " GiB that the plan brings along and so paid as a whole"
		})
	case sku != "":
		add(sku, digits(diskGiB), 1, true, func() string { return "boot disk of tier " + tier + ", of the plan" })
	}
	if !a.ipv4 {
		return to
	}
	switch sku := z.bundled["ipv4"]; {
	case p.bringsIPv4() && sku != "":
		add(sku, "1", 1, true, func() string { return "public IPv4 address, of the plan" })
	case !p.bringsIPv4():
		add(z.ipv4, "1", 1, false, func() string { return "public IPv4 address" })
	}
	return to // of what a plan brings along UpCloud may have no price that a line could be of
}

func digits(n int) string { return strconv.Itoa(n) }
