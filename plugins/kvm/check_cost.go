package kvm

import (
	"fmt"
	"math/big"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk/pb"
)

// checkCosts says what each cost model comes to, once for each set of SKUs.
func (p *Provider) checkCosts() []*pb.CheckItem {
	var items []*pb.CheckItem
	seen := map[string]bool{}
	for _, at := range p.places {
		if at.prices.cost == nil || seen[at.SKUPrefix] {
			continue
		}
		seen[at.SKUPrefix] = true
		item := &pb.CheckItem{Subject: "prices " + at.SKUPrefix, Verdict: pb.CheckItem_VERDICT_OK}
		list, err := at.prices.list(at.SKUPrefix, p.config.currency(at.prices.currency))
		if err != nil {
			item.Verdict, item.Text = pb.CheckItem_VERDICT_FAILED, err.Error()
		} else {
			item.Text = fmt.Sprintf("%s a core-hour, %s a GiB-hour; %s", list[0].Amount, list[1].Amount, list[0].Source)
		}
		items = append(items, item)
	}
	return items
}

// memoryTolerance is by what part the memory of a cost model may differ from
// that of a host: firmware keeps some of what was bought.
const memoryTolerance = 0.1

// checkCost warns where the cost model counts on more or less than the host has
// to sell; its prices would not earn what the host costs.
func (at *place) checkCost(h *inventory.Host) []*pb.CheckItem {
	m := at.prices.cost
	if m == nil {
		return nil
	}
	cores := max(len(h.Cores)-at.Limits.ReserveCores, 0)
	gib := float64(h.MemoryTotalMiB-min(at.Limits.ReserveMemoryMiB, h.MemoryTotalMiB)) / 1024
	if rat(m.Cores) == float64(cores) && rat(m.MemoryGiB) >= gib*(1-memoryTolerance) && rat(m.MemoryGiB) <= gib*(1+memoryTolerance) {
		return nil
	}
	return []*pb.CheckItem{{
		Subject: "host " + at.Zone + " cost model", Verdict: pb.CheckItem_VERDICT_WARNING,
		Text: fmt.Sprintf("it counts on %s cores and %s GiB; the host has %d cores and %.1f GiB to sell", m.Cores, m.MemoryGiB, cores, gib),
		Hint: "set cost.cores and cost.memory_gib to what each host has, or put hosts that differ into groups of their own",
	}}
}

// rat reads a decimal that Validate has let through, to compare it.
func rat(s string) float64 {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0
	}
	f, _ := r.Float64()
	return f
}
