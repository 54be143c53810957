package upcloud

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/book"
)

//go:embed book.yaml
var bookYAML []byte

// priceBook is the embedded book: list prices for quotes without credentials, and
// the rules by which UpCloud bills, which the API does not tell.
type priceBook struct {
	list *pricing.List
	// plans by zone, with what the names say of them.
	plans map[string][]*plan
	rules map[string]*pricing.Billing
}

// The names of the book's rules.
const (
	rulePlan      = "plan"
	ruleStarted   = "plan-while-started"
	ruleNotStated = "plan-not-stated"
	ruleSpot      = "spot"
	ruleResource  = "resource"
)

// loadBook reads a book. What a row of a plan includes is taken as what the plan
// brings along and not as a rule of its price: package pricing would take it off
// a larger disk, and UpCloud does not say that it does.
func loadBook(data []byte, notAfter time.Time) (*priceBook, error) {
	b, err := book.Parse(data)
	if err != nil {
		return nil, err
	}
	pb := &priceBook{plans: map[string][]*plan{}, rules: b.Billing}
	for _, name := range []string{rulePlan, ruleStarted, ruleNotStated, ruleSpot, ruleResource} {
		if pb.rules[name] == nil {
			return nil, fmt.Errorf("price book %s: no billing %q", b.Revision, name)
		}
	}
	for i := range b.Prices {
		row := &b.Prices[i]
		zone, name, ok := strings.Cut(row.SKU, "/plan/")
		if !ok {
			continue
		}
		p, err := planOfName(name)
		if err != nil {
			return nil, fmt.Errorf("price book %s, sku %s: %w", b.Revision, row.SKU, err)
		}
		p.family, p.current = row.Family, row.Family != familyDeveloper && row.Family != familyGeneral
		for _, in := range row.Includes {
			if tier := in.SKU[strings.LastIndexByte(in.SKU, '/')+1:]; tier != "ipv4" {
				p.tier = tier
				if p.diskGiB, err = strconv.Atoi(in.Amount); err != nil {
					return nil, fmt.Errorf("price book %s, sku %s: %w", b.Revision, row.SKU, err)
				}
			}
		}
		row.Includes = nil
		if row.Text == "" {
			row.Text = p.text()
		}
		pb.plans[zone] = append(pb.plans[zone], p)
	}
	pb.list, err = b.List(book.Options{NotAfter: notAfter})
	return pb, err
}

var sizeInName = regexp.MustCompile(`^(?:[A-Z]+-)*([0-9]+)xCPU-([0-9]+)GB(?:-([0-9]+)x([A-Z0-9]+))?`)

// planOfName reads a size from a plan's name, such as GPU-8xCPU-64GB-1xL40S.
func planOfName(name string) (*plan, error) {
	m := sizeInName.FindStringSubmatch(name)
	if m == nil {
		return nil, fmt.Errorf("%.64q does not say its size", name)
	}
	n := func(i int) int {
		v, _ := strconv.Atoi(m[i]) // digits, or nothing
		return v
	}
	p := &plan{name: name, cores: n(1), memoryMiB: n(2) << 10, gpus: n(3), gpuModel: m[4], current: true}
	return p, p.check()
}

// rule is how a plan is billed, by its family.
func (b *priceBook) rule(p *plan) *pricing.Billing {
	switch {
	case p.spot():
		return b.rules[ruleSpot]
	case p.family == familyCloudNative:
		return b.rules[ruleStarted]
	case p.family == familyGPU:
		return b.rules[ruleNotStated]
	}
	return b.rules[rulePlan]
}

// openBook makes what is sold by the book.
func (p *Provider) openBook() error {
	b, err := loadBook(bookYAML, time.Time{})
	if err != nil {
		return err
	}
	p.book = b
	p.listPrices = &shop{list: b.list, quoteOnly: p.noCredentials()}
	zones := slices.Sorted(maps.Keys(b.plans))
	if len(p.config.Zones) > 0 {
		zones = slices.DeleteFunc(zones, func(z string) bool { return z != unspecified && !slices.Contains(p.config.Zones, z) })
	}
	p.listPrices.fill(zones, func(zone string) []*plan { return b.plans[zone] })
	return nil
}

// unspecified is the zone of list prices of which the source does not say one.
const unspecified = "unspecified"
