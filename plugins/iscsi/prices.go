package iscsi

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// The SKUs, of a GiB for a month each.
const (
	skuImage  = "volume-qcow2"
	skuRaw    = "volume-raw"
	skuShared = "volume-shared"
)

// freeCurrency is that of prices that are all zero.
const freeCurrency = "EUR"

// priceList is what the settings say. asOf is when they were read.
func (c *Config) priceList(asOf time.Time) (*pricing.List, error) {
	list := &pricing.List{Source: "provider configuration", AsOf: asOf.UTC()}
	for _, p := range []struct{ sku, amount, text string }{
		{skuImage, c.GiBMonth, "one GiB of a qcow2 volume for one month"},
		{skuRaw, cmp.Or(c.RawGiBMonth, c.GiBMonth), "one GiB of a raw volume for one month"},
		{skuShared, cmp.Or(c.SharedGiBMonth, c.GiBMonth), "one GiB of a shareable volume for one month"},
	} {
		m, err := pricing.NewMoney(cmp.Or(p.amount, "0"), cmp.Or(c.Currency, freeCurrency))
		if err != nil {
			return nil, fmt.Errorf("price of %s: %w", p.sku, err)
		}
		list.Prices = append(list.Prices, pricing.Price{
			SKU: p.sku, Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: m, Free: m.Sign() == 0 && c.Free, Text: p.text,
		})
	}
	content, err := json.Marshal(list.Prices)
	if err != nil {
		return nil, fmt.Errorf("price list: %w", err)
	}
	sum := sha256.Sum256(content)
	list.Revision = hex.EncodeToString(sum[:6])
	if err := list.Check(); err != nil {
		return nil, fmt.Errorf("price list: %w", err)
	}
	return list, nil
}
