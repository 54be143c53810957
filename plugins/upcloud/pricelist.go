package upcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// The tiers of storage, as UpCloud calls them.
const (
	tierMaxIOPS  = "maxiops"
	tierStandard = "standard"
	tierHDD      = "hdd"
)

// The SKUs are named by zone, and then by what they are.
func skuPlan(zone, plan string) string    { return zone + "/plan/" + plan }
func skuStorage(zone, tier string) string { return zone + "/storage/" + tier }
func skuIPv4(zone string) string          { return zone + "/ipv4" }
func skuCore(zone string) string          { return zone + "/core" }
func skuMemory(zone string) string        { return zone + "/memory" }

// skuBundled is a line of nothing, where the book has no price for what a plan
// brings along.
func skuBundled(zone, what string) string { return zone + "/bundled/" + what }

// listing is what a price list is made of.
type listing struct {
	prices *prices
	plans  []*plan
	zones  []string
	book   *priceBook
	source string
	now    time.Time
}

// list makes the price list of the zones: the price of every plan, and of what
// is paid beside one. A price of zero is no price, so that nobody takes what is
// not sold for free. What has no exact decimal is left out and told of.
func (l *listing) list() (*pricing.List, []error, error) {
	out := &pricing.List{Source: l.source, AsOf: l.now.UTC().Truncate(time.Second)}
	var leftOut []error
	for _, zone := range l.zones {
		items := l.prices.zones[zone]
		add := func(sku, item, text, family string, kind pricing.Kind, unit pricing.Unit, n int64, rules *pricing.Billing) {
			t, there := items[item]
			if !there || t.isZero() {
				return
			}
			amount, err := t.each(n)
			if err == nil {
				var m pricing.Money
				if m, err = pricing.NewMoney(amount, l.prices.currency); err == nil {
					out.Prices = append(out.Prices, pricing.Price{
						SKU: sku, Kind: kind, Unit: unit, Amount: m, Text: text, Family: family, Billing: rules, Confidence: "high",
					})
				}
			}
			if err != nil {
				leftOut = append(leftOut, fmt.Errorf("price of %s in %s: %w", item, zone, err))
			}
		}
		for _, p := range l.plans {
			add(skuPlan(zone, p.name), "server_plan_"+p.name, p.text(), p.family, pricing.KindCompute, pricing.UnitHour, 1, l.rule(p, zone))
		}
		resource := l.book.rules[ruleResource]
		for _, tier := range []string{tierMaxIOPS, tierStandard, tierHDD} {
			add(skuStorage(zone, tier), "storage_"+tier, "disk of tier "+tier, "", pricing.KindDisk, pricing.UnitGiBHour, 1, resource)
		}
		add(skuIPv4(zone), "ipv4_address", "public IPv4 address", "", pricing.KindAddress, pricing.UnitHour, 1, resource)
		add(skuCore(zone), "server_core", "core of a free size", "", pricing.KindCompute, pricing.UnitHour, 1, resource)
		// The amount counts MiB; a unit is a GiB.
		add(skuMemory(zone), "server_memory", "memory of a free size", "", pricing.KindMemory, pricing.UnitGiBHour, 1024, resource)
	}
	if len(out.Prices) == 0 {
		return nil, leftOut, errors.Join(append([]error{fmt.Errorf("no price in any of the zones %s", strings.Join(l.zones, ", "))}, leftOut[:min(len(leftOut), 3)]...)...)
	}
	text, err := json.Marshal(out.Prices)
	if err != nil {
		return nil, leftOut, err
	}
	sum := sha256.Sum256(text)
	out.Revision = hex.EncodeToString(sum[:8])
	return out, leftOut, out.Check()
}

// rule is how a plan is billed. A spot plan refers to the plan that it is the
// same as, where that is sold and not cheaper.
func (l *listing) rule(p *plan, zone string) *pricing.Billing {
	rule := l.book.rule(p)
	if !p.spot() || !slices.ContainsFunc(l.plans, func(o *plan) bool { return o.name == p.onDemand() }) {
		return rule
	}
	items := l.prices.zones[zone]
	spot, demand := items["server_plan_"+p.name], items["server_plan_"+p.onDemand()]
	if spot.isZero() || demand.isZero() || spot.price.Cmp(demand.price) > 0 || spot.amount.Cmp(demand.amount) != 0 {
		return rule
	}
	if _, err := demand.each(1); err != nil {
		return rule // it has no line of its own
	}
	own := *rule
	own.SpotOf = skuPlan(zone, p.onDemand())
	return &own
}

// text says for people what the plan is.
func (p *plan) text() string {
	s := fmt.Sprintf("%s: %s, %d MiB", p.name, counted(p.cores, "core"), p.memoryMiB)
	if p.gpus > 0 {
		s += fmt.Sprintf(", %d × %s", p.gpus, p.gpuModel)
	}
	if p.diskGiB > 0 {
		s += fmt.Sprintf(", with %d GiB of tier %s", p.diskGiB, p.tier)
		if p.bringsIPv4() {
			s += " and an IPv4 address"
		}
	}
	return s
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
