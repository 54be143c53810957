package upcloud

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// shop is what UpCloud sells to the account: plans by zone, at the prices of one
// list. It does not change once it is made.
type shop struct {
	list *pricing.List
	// quoteOnly is why nothing of it can be bought; empty: it can.
	quoteOnly string
	zones     []*place
	// sizes are the free choices of cores and memory, in order; none: there is no
	// such choice.
	sizes []upcloud.ServerConfiguration
	// leftOut says which zones are not there and why.
	leftOut []*pb.Reason
	totals  totals
}

// place is one zone of a shop.
type place struct {
	zone, region string
	sold         []sold
	// storage are the SKUs of disks that are paid for, by tier, and bundled those of
	// what a plan brings along, by tier or "ipv4"; empty: the zone has none.
	storage, bundled         map[string]string
	ipv4, skuCore, skuMemory string
}

// sold is a plan in a zone.
type sold struct {
	plan *plan
	sku  string
}

// regionOf is a zone without its number: fi-hel1 is in fi-hel.
func regionOf(zone string) string { return strings.TrimRight(zone, "0123456789") }

// readShop asks the API for plans, zones and prices, all at once.
func (p *Provider) readShop(ctx context.Context) (*shop, error) {
	var plans []*plan
	var sizes []upcloud.ServerConfiguration
	var tags *prices
	var zones *upcloud.Zones
	read, reading := errgroup.WithContext(ctx)
	read.Go(func() error {
		body, err := p.wire.Get(reading, "/plan")
		if err == nil {
			var leftOut []error
			plans, leftOut, err = decodePlans(body)
			p.tell("plan left out", leftOut)
		}
		return failed("read plans", "", err, false)
	})
	read.Go(func() error {
		body, err := p.wire.Get(reading, "/price")
		if err == nil {
			var leftOut []error
			tags, leftOut, err = decodePrices(body)
			p.tell("price left out", leftOut)
		}
		if err == nil && tags.currency == "" {
			tags.currency, err = p.currency(reading)
		}
		return failed("read prices", "", err, false)
	})
	read.Go(func() (err error) {
		zones, err = p.api.GetZones(reading)
		return failed("read zones", "", err, false)
	})
	if p.config.CustomSizes != customNever {
		read.Go(func() error {
			// Without it there are plans.
			all, err := p.api.GetServerConfigurations(reading)
			if err != nil {
				p.log.Debug("no free sizes", "error", failed("read sizes", "", err, false))
				return nil
			}
			sizes = all.ServerConfigurations
			return nil
		})
	}
	if err := read.Wait(); err != nil {
		return nil, err
	}
	return p.newShop(plans, tags, zones.Zones, sizes)
}

const customNever = "never"

// newShop puts together what was read.
func (p *Provider) newShop(plans []*plan, tags *prices, zones []upcloud.Zone, sizes []upcloud.ServerConfiguration) (*shop, error) {
	sortSizes(sizes)
	s := &shop{sizes: sizes}
	var names []string
	names, s.leftOut = p.config.choose(zones, tags)
	if len(names) == 0 {
		s.list = &pricing.List{Revision: "no-zone", Source: p.priceSource(), AsOf: p.now().UTC().Truncate(time.Second)}
		return s, nil
	}
	slices.SortFunc(plans, func(a, b *plan) int { return strings.Compare(a.name, b.name) })
	l := listing{prices: tags, plans: plans, zones: names, book: p.book, source: p.priceSource(), now: p.now()}
	list, leftOut, err := l.list()
	p.tell("price left out", leftOut)
	if err != nil {
		return nil, failed("read prices", "", err, false)
	}
	s.list = list
	s.fill(names, func(string) []*plan { return plans })
	return s, nil
}

// fill makes the places of a shop from the prices of its list.
func (s *shop) fill(zones []string, plans func(zone string) []*plan) {
	listed := make(map[string]*pricing.Price, len(s.list.Prices))
	for i := range s.list.Prices {
		listed[s.list.Prices[i].SKU] = &s.list.Prices[i]
	}
	has := func(sku string) bool { return listed[sku] != nil }
	for _, zone := range zones {
		at := &place{
			zone: zone, region: regionOf(zone), storage: map[string]string{}, bundled: map[string]string{},
			ipv4: firstOf(has, skuIPv4(zone)), skuCore: firstOf(has, skuCore(zone)), skuMemory: firstOf(has, skuMemory(zone)),
		}
		for _, what := range []string{tierMaxIOPS, tierStandard, tierHDD} {
			at.storage[what] = firstOf(has, skuStorage(zone, what))
			at.bundled[what] = firstOf(has, skuStorage(zone, what), skuBundled(zone, what))
		}
		at.bundled["ipv4"] = firstOf(has, skuIPv4(zone), skuBundled(zone, "ipv4"))
		for _, p := range plans(zone) {
			if sku := skuPlan(zone, p.name); has(sku) {
				at.sold = append(at.sold, sold{p, sku})
			}
		}
		s.zones = append(s.zones, at)
	}
}

// size is how many plans are sold, each zone counted.
func (s *shop) size() int {
	n := 0
	for _, at := range s.zones {
		n += len(at.sold)
	}
	return n
}

func firstOf(has func(string) bool, skus ...string) string {
	for _, sku := range skus {
		if has(sku) {
			return sku
		}
	}
	return ""
}

// currency asks what the account pays in, where the price list does not say.
func (p *Provider) currency(ctx context.Context) (string, error) {
	account, err := p.api.GetAccount(ctx)
	if err != nil {
		return "", failed("read currency of the account", "", err, false)
	}
	details, err := p.api.GetAccountDetails(ctx, &request.GetAccountDetailsRequest{Username: url.PathEscape(account.UserName)})
	if err == nil && details.Currency == "" {
		err = errors.New("neither the price list nor the account says in which currency prices are")
	}
	if err != nil {
		return "", failed("read currency of the account", "", err, false)
	}
	return details.Currency, nil
}

// priceSource is where live prices come from.
func (p *Provider) priceSource() string { return fmt.Sprintf("%s/1.3/price", p.config.apiHost()) }

// tell logs what was left out of an answer.
func (p *Provider) tell(what string, leftOut []error) {
	for _, err := range leftOut[:min(len(leftOut), 20)] {
		p.log.Debug(what, "because", err)
	}
}
