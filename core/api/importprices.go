package api

import (
	"context"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/book"
)

// ImportPrices implements [Prices].
func (m *Meson) ImportPrices(ctx context.Context, req ImportRequest) (RefreshResult, error) {
	cfg, err := m.Ledger.Provider(ctx, req.Provider)
	if err != nil {
		return RefreshResult{}, err
	}
	list, err := m.readBook(req, cfg)
	if err != nil {
		return RefreshResult{}, err
	}
	used, err := m.Ledger.UsedPriceLists(ctx)
	if err != nil {
		return RefreshResult{}, err
	}
	use := used[cfg.Name]
	r := RefreshResult{Provider: cfg.Name, From: use.Revision, To: list.Revision, List: m.unkept(cfg.Name, list), Changes: []pricing.Change{}}
	if err := m.notAnother(ctx, cfg.Name, list); err != nil {
		return r, err
	}
	if use.Revision != "" {
		if r.Changes, err = m.diff(ctx, cfg.Name, use.Revision, list); err != nil {
			return r, err
		}
	}
	if req.DryRun {
		return r, nil
	}
	how := ledger.UseOptions{Was: use.Revision, Imported: true, By: ledger.UsedByPerson}
	if yes, err := m.consent(req.Accept, &r, &how); err != nil || !yes {
		return r, err
	}
	if err := m.Ledger.PutPriceList(ctx, cfg.Name, list); err != nil {
		return r, err
	}
	if err := m.Ledger.UsePriceList(ctx, cfg.Name, list.Revision, how); err != nil {
		return r, err
	}
	r.Used = true
	return r, m.describeList(ctx, &r)
}

// readBook is the list of a book for a provider, or every fault of it.
func (m *Meson) readBook(req ImportRequest, cfg core.ProviderConfig) (*pricing.List, error) {
	bad := &core.Error{Kind: core.Invalid, Op: "import prices", Subject: "price book for " + cfg.Name}
	b, err := book.Parse(req.Book)
	if err != nil {
		bad.Faults = faultsOf(err)
		return nil, bad
	}
	if b.Provider != cfg.Name && b.Provider != cfg.Plugin {
		bad.Faults = append(bad.Faults, core.Fault{
			Path: "provider", Have: fmt.Sprintf("%.64s", b.Provider), Want: cfg.Name + " or " + cfg.Plugin,
			Text: fmt.Sprintf("%.64q: want %s, or its plugin %s", b.Provider, cfg.Name, cfg.Plugin),
		})
	}
	list, err := b.List(book.Options{Low: req.Low, NotAfter: m.Now()})
	if err != nil {
		bad.Faults = append(bad.Faults, faultsOf(err)...)
	}
	if len(bad.Faults) > 0 {
		return nil, bad
	}
	return list, nil
}

// notAnother refuses a list whose revision is that of a kept one which says
// something else.
func (m *Meson) notAnother(ctx context.Context, provider string, list *pricing.List) error {
	kept, err := m.Ledger.PriceList(ctx, provider, list.Revision)
	if core.KindOf(err) == core.NotFound {
		return nil
	}
	if err == nil && !kept.Same(list) {
		return &core.Error{
			Kind: core.Conflict, Op: "import prices", Subject: "provider " + provider,
			Text: fmt.Sprintf("a list %s is kept that says something else", list.Revision), Hint: "give the book another revision",
		}
	}
	return err
}

// faultsOf are the single errors that an error joins.
func faultsOf(err error) []core.Fault {
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		faults := make([]core.Fault, len(e.Errors))
		for i, text := range e.Errors {
			faults[i].Text = text
		}
		return faults
	}
	var faults []core.Fault
	for e := err; e != nil; e = errors.Unwrap(e) {
		joined, ok := e.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		for _, each := range joined.Unwrap() {
			faults = append(faults, core.Fault{Text: each.Error()})
		}
		return faults
	}
	return []core.Fault{{Text: err.Error()}}
}
