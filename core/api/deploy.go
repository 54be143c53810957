package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// maxFallbacks bounds how many quotes one allocation carries.
const maxFallbacks = 50

// keepQuotes is how long a quote that was shown, and not bought, is kept.
const keepQuotes = 30 * 24 * time.Hour

// takeOverGrace is how long a command that has done its own work waits for what
// it took over on the side.
const takeOverGrace = 2 * time.Second

// Deploy returns when the machine runs, or could not be made.
func (m *Meson) Deploy(ctx context.Context, req DeployRequest) (core.Allocation, error) {
	start := m.Now()
	report := func(id string) alloc.Report {
		return func(step, text string, percent int) {
			if req.Progress != nil {
				req.Progress(Progress{Allocation: id, Step: step, Text: text, Percent: percent, Since: m.Now().Sub(start)})
			}
		}
	}
	if err := checkName(req.Name); err != nil {
		return core.Allocation{}, err
	}
	hash, err := m.pledgeHash(req.Pledge)
	if err != nil {
		return core.Allocation{}, err
	}
	// Only a name given by hand names a machine for good: a spec is deployed as
	// often as the user likes, and its own name begins those of its machines.
	if req.Name != "" {
		if a, found, err := m.standing(ctx, req, hash, report); found || err != nil {
			return a, err
		}
	}
	if !req.DryRun {
		settled := m.takeOver(ctx)
		defer settled()
	}

	placement, err := m.placement(ctx, req, hash)
	if err != nil {
		return core.Allocation{}, err
	}
	if req.DryRun {
		q := placement.Quotes[0]
		return core.Allocation{Name: req.Name, State: core.Pending, Pledge: req.Pledge, Placement: placement, Offer: &q, Volumes: []string{}}, nil
	}
	id := ledger.NewID()
	a, err := m.engine.Start(ctx, alloc.Request{ID: id, Name: req.Name, Pledge: req.Pledge, PledgeHash: hash, Placement: placement}, report(id))
	if core.KindOf(err) == core.Conflict && a.ID == "" && req.Name != "" {
		// Nothing was recorded: another process has taken the name meanwhile, for
		// the same machine perhaps.
		if a, found, err := m.standing(ctx, req, hash, report); found || err != nil {
			return a, err
		}
	}
	if err != nil {
		return a, err
	}
	return m.waitFor(ctx, a, req.WaitFor, report(a.ID))
}

// standing is Deploy for a machine of that name that exists: it waits for
// whoever drives it, and goes on if nobody does. False without an error: there
// is none, or none any more.
func (m *Meson) standing(ctx context.Context, req DeployRequest, hash string, report func(id string) alloc.Report) (core.Allocation, bool, error) {
	a, found, err := m.same(ctx, req, hash)
	if err != nil || !found || req.DryRun {
		return a, found, err
	}
	a, err = m.engine.Drive(ctx, a.ID, report(a.ID))
	if err != nil {
		return a, true, err
	}
	if a.State.Final() {
		return core.Allocation{}, false, nil
	}
	a, err = m.waitFor(ctx, a, req.WaitFor, report(a.ID))
	return a, true, err
}

// checkName refuses, before anybody is asked, what no provider can call a
// machine: the contract wants a DNS label.
func checkName(name string) error {
	strange := strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
	if !strange && len(name) <= 63 && !strings.HasPrefix(name, "-") && !strings.HasSuffix(name, "-") {
		return nil
	}
	const want = "1 to 63 of a-z, 0-9 and inner hyphens"
	return &core.Error{
		Kind: core.Invalid, Op: "deploy",
		Faults: []core.Fault{{Path: "name", Have: name, Want: want, Text: fmt.Sprintf("%.80q is no name: want %s", name, want)}},
	}
}

// same finds the machine of a name. One of another pledge is a Conflict.
func (m *Meson) same(ctx context.Context, req DeployRequest, hash string) (core.Allocation, bool, error) {
	a, err := m.Ledger.Allocation(ctx, req.Name)
	// Invalid is a name that begins several ids, and is nobody's name.
	if kind := core.KindOf(err); kind == core.NotFound || kind == core.Invalid || err == nil && (a.State.Final() || a.Name != req.Name) {
		return core.Allocation{}, false, nil
	}
	if err != nil {
		return a, false, err
	}
	if a.PledgeHash != hash {
		return core.Allocation{}, false, otherSpec(a, req.Pledge)
	}
	return a, true, nil
}

// placement is the quotes to try, in order.
func (m *Meson) placement(ctx context.Context, req DeployRequest, hash string) (core.Placement, error) {
	if req.OfferID != "" {
		return m.bound(ctx, req.OfferID, hash)
	}
	asked, err := m.ask(ctx, OffersRequest{Pledge: req.Pledge, Horizon: req.Horizon, Policy: req.Policy, OnAnswer: req.OnAnswer})
	if err != nil {
		return core.Placement{}, err
	}
	placement, dry := asked.ranking.Placement()
	result := asked.result(placement.Quotes, maxFallbacks)
	result.Reasons, result.Why = append(result.Reasons, dry...), placement.Why
	if len(placement.Quotes) == 0 {
		return core.Placement{}, noOffer(result)
	}
	placement.Quotes = result.Quotes
	if err := m.Ledger.PutQuotes(ctx, hash, placement.Quotes, m.Now().UTC()); err != nil {
		return core.Placement{}, err
	}
	if req.Choose != nil {
		chosen, err := req.Choose(result)
		if err != nil {
			return core.Placement{}, err
		}
		if chosen.QuoteOnly != "" {
			return core.Placement{}, quoteOnly(chosen)
		}
		// The chosen one first, the others after it in their order.
		placement.Quotes = append([]core.Quote{chosen}, slices.DeleteFunc(slices.Clone(placement.Quotes), func(q core.Quote) bool { return q.ID == chosen.ID })...)
		if chosen.ID != result.Quotes[0].ID {
			placement.Why = "chosen by hand"
		}
	}
	return placement, nil
}

// bound is the placement of one quote that was shown before.
func (m *Meson) bound(ctx context.Context, id, hash string) (core.Placement, error) {
	q, err := m.Ledger.Quote(ctx, id)
	if err != nil {
		return core.Placement{}, err
	}
	refuse := func(kind core.Kind, text string) (core.Placement, error) {
		return core.Placement{}, &core.Error{Kind: kind, Op: "deploy", Subject: "offer " + q.ID, Text: text, Hint: "meson offers shows what there is now"}
	}
	if q.PledgeHash != hash {
		return refuse(core.Invalid, "it answered another spec")
	}
	if q.QuoteOnly != "" {
		return core.Placement{}, quoteOnly(q.Quote)
	}
	if expired(q.Quote, m.Now()) {
		return refuse(core.Conflict, fmt.Sprintf("it expired at %s", q.ExpiresAt.UTC().Format(time.RFC3339)))
	}
	return core.Placement{Quotes: []core.Quote{q.Quote}, Why: "bound by --offer"}, nil
}

// quoteOnly is the error of a quote that cannot be bought.
func quoteOnly(q core.Quote) error {
	return &core.Error{
		Kind: core.Denied, Op: "deploy", Subject: "offer " + q.ID, Text: "quote only: " + q.QuoteOnly,
		Hint: fmt.Sprintf("meson provider test %s says what is missing", q.Provider),
	}
}

// takeOver prunes the ledger on the side and drives what nobody drives, last
// since a dead provider may hold that for long. The function that it returns
// waits a little for it, and lets go: what is not finished stays as it is.
func (m *Meson) takeOver(ctx context.Context) (settled func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Ledger.Prune(ctx, m.Now().Add(-keepQuotes)); err != nil && ctx.Err() == nil {
			m.Log.Warn("ledger not pruned", "error", err)
		}
		_, errs := m.engine.TakeOver(ctx, func(core.Allocation) alloc.Report { return nil })
		_, more := m.engine.TakeOverVolumes(ctx, func(string, string) alloc.Report { return nil })
		maps.Copy(errs, more)
		for id, err := range errs {
			if !errors.Is(err, context.Canceled) && core.KindOf(err) != core.Interrupted {
				m.Log.Warn("taken over, and not finished", "id", id, "error", err)
			}
		}
	}()
	return func() {
		select {
		case <-done:
		case <-time.After(takeOverGrace):
		}
		cancel()
		<-done
	}
}
