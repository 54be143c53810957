package sdktest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// memSpot is the end of the SKU and of the id of what may be taken back.
const memSpot = "-spot"

// memPrices are the SKUs core-ZONE and core-ZONE-spot, memory and disk.
func memPrices(c *MemConfig) (*pricing.List, error) {
	l := &pricing.List{Source: "provider configuration", AsOf: time.Now().UTC().Truncate(time.Second)}
	add := func(sku string, kind pricing.Kind, unit pricing.Unit, amount string, rules *pricing.Billing) error {
		m, err := pricing.NewMoney(amount, c.Currency)
		l.Prices = append(l.Prices, pricing.Price{SKU: sku, Kind: kind, Unit: unit, Amount: m, Billing: rules})
		return err
	}
	for _, z := range c.Zones {
		price, rules, sku := c.CorePrice, cmp.Or(z.Billing, c.Billing), "core-"+z.Name
		if z.CorePrice != nil {
			price = *z.CorePrice
		}
		if err := add(sku, pricing.KindCompute, pricing.UnitHour, price, rules); err != nil {
			return nil, err
		}
		if z.SpotPrice == nil {
			continue
		}
		if err := add(sku+memSpot, pricing.KindCompute, pricing.UnitHour, *z.SpotPrice, spotOf(sku, rules)); err != nil {
			return nil, err
		}
	}
	if err := add("memory", pricing.KindMemory, pricing.UnitGiBHour, c.MemoryPrice, nil); err != nil {
		return nil, err
	}
	if err := add("disk", pricing.KindDisk, pricing.UnitGiBMonth, c.DiskPrice, nil); err != nil {
		return nil, err
	}
	if c.Storage != nil {
		p, err := volumePrice(c)
		if err != nil {
			return nil, err
		}
		l.Prices = append(l.Prices, p)
	}
	text, err := json.Marshal(l.Prices)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	l.Revision = hex.EncodeToString(sum[:8])
	return l, l.Check()
}

// spotOf are the rules of what is the same as a SKU, but may be taken back.
func spotOf(sku string, rules *pricing.Billing) *pricing.Billing {
	var own pricing.Billing
	if rules != nil {
		own = *rules
	}
	own.Spot, own.SpotOf = true, sku
	return &own
}

// quoteOnly is why a zone's offers cannot be bought.
func (m *MemProvider) quoteOnly(z MemZone) string { return cmp.Or(z.QuoteOnly, m.config.QuoteOnly) }
