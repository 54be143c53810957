package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// keepPrices keeps the list that an answer's offers refer to. A list that says
// something else than before under the same revision is that provider's fault,
// and its offers fall.
func (m *Meson) keepPrices(ctx context.Context, a *core.Answer) error {
	if a.Prices == nil || len(a.Offers) == 0 {
		return nil
	}
	err := m.Ledger.PutPriceList(ctx, a.Provider, a.Prices)
	switch core.KindOf(err) {
	case "":
		m.lists.put(a.Provider, a.Prices)
		return nil
	case core.Conflict:
		a.Offers = nil
		a.Err = &core.Error{Kind: core.Internal, Op: "ask for prices", Subject: "provider " + a.Provider, Source: core.SourcePlugin, Err: err}
		return nil
	}
	return err
}

// useAttempts is how often it is looked again at a list in use that somebody else
// changes at the same time.
const useAttempts = 5

// useList puts the list in use in place of that of an answer, whose own has been
// kept. The answer's own comes into use where there is none yet, or where it
// changes nothing that a person must agree to; where it does, the offers fall,
// with reasons. An imported list prices the offers instead of the provider's own.
// Where the provider's could not be had, the one in use prices the offers that
// refer to it.
func (m *Meson) useList(ctx context.Context, f *inForce, a *core.Answer) error {
	if len(a.Offers) == 0 {
		return nil
	}
	var err error
	for range useAttempts {
		use := f.used[a.Provider]
		switch {
		case a.Prices == nil && use.Revision == "":
			return nil
		case a.Prices != nil && use.Revision == a.Prices.Revision:
			return nil
		case use.Imported || a.Prices == nil:
			return m.priceBy(ctx, use, a)
		}
		var changes []pricing.Change
		if use.Revision != "" {
			if changes, err = m.diff(ctx, a.Provider, use.Revision, a.Prices); err != nil {
				return err
			}
		}
		if need := pricing.NeedConsent(changes); len(need) > 0 {
			a.Reasons = append(a.Reasons, consentReason(a, need))
			a.Offers = nil
			return nil
		}
		err = m.Ledger.UsePriceList(ctx, a.Provider, a.Prices.Revision, ledger.UseOptions{Was: use.Revision, By: ledger.UsedLive})
		switch core.KindOf(err) {
		case "":
			return nil
		case core.NotFound:
			// The provider was removed meanwhile.
			a.Offers, a.Err = nil, core.AsError(err, "provider "+a.Provider)
			return nil
		case core.Conflict:
			if f.used, err = m.Ledger.UsedPriceLists(ctx); err != nil {
				return err
			}
			continue
		}
		return err
	}
	a.Offers = nil
	a.Err = &core.Error{Kind: core.Busy, Op: "use price list", Subject: "provider " + a.Provider, Text: "others keep changing the list in use"}
	return nil
}

// priceBy prices an answer by a kept list: an imported one prices all offers, any
// other those that refer to it.
func (m *Meson) priceBy(ctx context.Context, use ledger.ListUse, a *core.Answer) error {
	list, err := m.list(ctx, a.Provider, use.Revision)
	if err != nil {
		return err
	}
	a.Prices = list
	if use.Imported {
		for i := range a.Offers {
			a.Offers[i].ListRevision = use.Revision
		}
	}
	return nil
}

// diff is from a kept list to another, never nil.
func (m *Meson) diff(ctx context.Context, provider, from string, to *pricing.List) ([]pricing.Change, error) {
	old, err := m.list(ctx, provider, from)
	if err != nil {
		return nil, err
	}
	return append([]pricing.Change{}, pricing.Diff(old, to)...), nil
}

// shownChanges bounds how many changes one reason names.
const shownChanges = 3

func consentReason(a *core.Answer, need []pricing.Change) core.Reason {
	var text []string
	for _, c := range need[:min(len(need), shownChanges)] {
		text = append(text, fmt.Sprintf("%s: %s", c.SKU, c.Consent))
	}
	if more := len(need) - len(text); more > 0 {
		text = append(text, fmt.Sprintf("%d more", more))
	}
	return core.Reason{
		Provider: a.Provider, Field: "price", Want: need[0].Old.Amount.String(), Have: need[0].New.Amount.String(),
		Text: fmt.Sprintf("its %d offers wait for your yes to new prices (%s): meson prices refresh %s", len(a.Offers), strings.Join(text, "; "), a.Provider),
	}
}
