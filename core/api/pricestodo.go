package api

import (
	"context"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

func notYet() error { return core.Errorf(core.Unsupported, "this build does not keep prices") }

// PriceLists implements [Prices].
func (m *Meson) PriceLists(context.Context, string) ([]PriceListInfo, error) { return nil, notYet() }

// PriceList implements [Prices].
func (m *Meson) PriceList(context.Context, string, string) (*pricing.List, PriceListInfo, error) {
	return nil, PriceListInfo{}, notYet()
}

// RefreshPrices implements [Prices].
func (m *Meson) RefreshPrices(context.Context, RefreshRequest) ([]RefreshResult, error) {
	return nil, notYet()
}

// ImportPrices implements [Prices].
func (m *Meson) ImportPrices(context.Context, ImportRequest) (RefreshResult, error) {
	return RefreshResult{}, notYet()
}

// DiffPrices implements [Prices].
func (m *Meson) DiffPrices(context.Context, string, string, string) ([]pricing.Change, error) {
	return nil, notYet()
}

// Rates implements [Prices].
func (m *Meson) Rates(context.Context) (RatesInfo, error) { return RatesInfo{}, notYet() }

// PutRates implements [Prices].
func (m *Meson) PutRates(context.Context, []byte, string) (RatesInfo, error) {
	return RatesInfo{}, notYet()
}

// FetchRates implements [Prices].
func (m *Meson) FetchRates(context.Context, string) (RatesInfo, error) { return RatesInfo{}, notYet() }

// Quote implements [Prices].
func (m *Meson) Quote(context.Context, string) (QuoteInfo, error) { return QuoteInfo{}, notYet() }
