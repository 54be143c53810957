// Package alloc turns a placement into a running machine, and a machine into
// nothing, so that a kill of anything at any instant leaves at most one machine
// under an allocation and nothing that nobody knows of.
//
// The ledger holds the intent before every effect. What to do next follows from
// the ledger alone (see plan), so whoever takes an allocation over goes on where
// its last driver stopped. Each attempt has a key of its own; an attempt is left
// for the next offer only when its provider certainly holds nothing under that
// key.
package alloc

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

// Provider is what the engine needs of a provider. Errors are *core.Error; see
// service Compute in the plugin contract for what each call promises.
type Provider interface {
	market.Provider
	Describe(ctx context.Context) (core.Description, error)
	// Create sends the request with the secrets of its pledge.
	Create(ctx context.Context, req core.CreateRequest) (core.Instance, error)
	Get(ctx context.Context, ref core.InstanceRef) (core.Instance, error)
	Delete(ctx context.Context, ref core.InstanceRef) error
	// Watch reports the machine now and after every change.
	Watch(ctx context.Context, ref core.InstanceRef, each func(core.Instance) error) error
	// Attach and Detach change what a machine that exists has; ref has its id.
	Attach(ctx context.Context, ref core.InstanceRef, broker string, a core.Attachment) (core.Instance, error)
	Detach(ctx context.Context, ref core.InstanceRef, broker, attachment string) (core.Instance, error)
	// ResizeAttachment has a machine grow a file that it has open itself; Unsupported
	// where the provider lacks that ability.
	ResizeAttachment(ctx context.Context, ref core.InstanceRef, broker, attachment string, sizeBytes int64) error
	// Restart ends the plugin's process; the next call starts another.
	Restart(ctx context.Context) error
}

// Options make an Engine. Ledger and Provider are required.
type Options struct {
	Ledger   ledger.Ledger
	Provider func(ctx context.Context, name string) (Provider, error)
	// Storage is needed where there are volumes.
	Storage func(ctx context.Context, name string) (Storage, error)
	// Price prices what a provider answers when an offer that was shown is asked
	// again. It may change the answer: put its list right, drop offers that must not
	// be bought, name a failure. Quotes have the shown one's ID, and its currency
	// where they were converted. By default the answer's own list is what counts.
	Price func(ctx context.Context, answer *core.Answer, shown core.Quote) ([]core.Quote, []core.Reason, error)
	// PriceVolume is Price for the offer of a volume: Offers and Quote are of Index 0.
	PriceVolume func(ctx context.Context, answer *core.VolumeAnswer, shown core.VolumeQuote) ([]core.VolumeQuote, []core.Reason, error)
	// Rates are needed where a machine and its volumes are priced in different
	// currencies, or shown in another one.
	Rates func(ctx context.Context) (*pricing.Rates, error)
	Log   *slog.Logger
	Now   func() time.Time
	// Patience is how long an outcome that is not known, or a removal that does
	// not succeed, is kept at before it is left to a later take-over. 60 s by
	// default.
	Patience time.Duration
	// Step, if set, is told of every instant at which a kill would leave another
	// state behind: before and after each effect. Fault tests kill in it. It may be
	// called from several goroutines.
	Step func(name string)
}

// Engine drives allocations. It is safe for concurrent use.
type Engine struct {
	Options
}

// New checks and completes options.
func New(o Options) *Engine {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Price == nil {
		o.Price = func(_ context.Context, answer *core.Answer, shown core.Quote) ([]core.Quote, []core.Reason, error) {
			quotes, reasons := market.Quotes([]core.Answer{*answer}, market.Pricing{
				Horizon: pricing.Horizon(shown.Price.ForHours), Begin: o.Now(), NewID: func() string { return shown.ID },
			})
			return quotes, reasons, nil
		}
	}
	if o.Storage == nil {
		o.Storage = func(_ context.Context, name string) (Storage, error) {
			return nil, core.Errorf(core.Unsupported, "no volumes at %s", name)
		}
	}
	if o.PriceVolume == nil {
		o.PriceVolume = func(_ context.Context, answer *core.VolumeAnswer, shown core.VolumeQuote) ([]core.VolumeQuote, []core.Reason, error) {
			found, reasons := market.VolumeQuotes([]core.VolumeAnswer{*answer}, market.Pricing{
				Horizon: pricing.Horizon(shown.Price.ForHours), Begin: o.Now(), NewID: func() string { return shown.ID },
			})
			var quotes []core.VolumeQuote
			for _, c := range found {
				quotes = append(quotes, *c.Quote)
			}
			return quotes, reasons, nil
		}
	}
	if o.Patience <= 0 {
		o.Patience = 60 * time.Second
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return &Engine{Options: o}
}

// Request is what Start turns into a machine.
type Request struct {
	// ID is one of ledger.NewID, made here if it is empty.
	ID string
	// Name, if empty, is made of the pledge's and the allocation's id.
	Name   string
	Pledge core.Pledge
	// PledgeHash is the ledger's keyed hash of the pledge with its secrets.
	PledgeHash string
	Placement  core.Placement
}

// Report is told of each step as it happens, one at a time.
type Report func(step string, text string, percent int)

// Start records a new allocation and drives it until it runs or has failed. See
// Drive for the errors; a name that is taken is a Conflict, with nothing
// recorded.
func (e *Engine) Start(ctx context.Context, req Request, report Report) (core.Allocation, error) {
	now := e.Now().UTC()
	a := core.Allocation{
		ID: cmp.Or(req.ID, ledger.NewID()), Name: req.Name, State: core.Pending, Pledge: req.Pledge, PledgeHash: req.PledgeHash,
		Placement: req.Placement, Volumes: []string{}, CreatedAt: now, UpdatedAt: now,
	}
	if a.Name == "" {
		a.Name = nameOf(req.Pledge, a.ID)
	}
	unlock, err := e.Ledger.Lock(ctx, a.ID)
	if err != nil {
		return core.Allocation{}, err
	}
	defer unlock()
	if err := e.Ledger.Begin(ctx, a); err != nil {
		return core.Allocation{}, err
	}
	e.Step("begin.committed")
	d := &drive{Engine: e, id: a.ID, report: report, fresh: true}
	return d.run(ctx)
}

// Drive takes an allocation on from where it stands until nothing is left to
// do: it runs, or has failed, or is gone. Errors:
//
//   - Busy: another process drives it, and has for longer than Patience;
//   - Conflict: before anything was made, the first offer had become dearer or
//     another machine;
//   - Uncertain: whether something exists is not known, or a removal does not
//     succeed: a later Drive goes on;
//   - Interrupted: ctx ended before the machine ran, and what was made is undone;
//   - NoOffer: every offer was refused, and nothing is held.
//
// To undo what an earlier command gave up is no error: the allocation has then
// failed, and its message says why.
//
// The allocation is returned as it stands, along with every error.
func (e *Engine) Drive(ctx context.Context, id string, report Report) (core.Allocation, error) {
	unlock, err := e.Lock(ctx, id, report)
	if err != nil {
		return e.asItStands(ctx, id), err
	}
	defer unlock()
	d := &drive{Engine: e, id: id, report: report}
	return d.run(ctx)
}

// lockPoll is how long it may stay unseen that a lock was dropped.
const lockPoll = 300 * time.Millisecond

// Lock takes an allocation's lock, waiting as long as Patience lasts for whoever
// has it: two commands for one machine at the same time come one after the
// other. Busy as the ledger has it, or ctx's own error.
func (e *Engine) Lock(ctx context.Context, id string, report Report) (unlock func(), err error) {
	wait := newPatience(e.Patience, e.Now)
	wait.next.MaxInterval = lockPoll
	for told := false; ; told = true {
		unlock, err := e.Ledger.Lock(ctx, id)
		if core.KindOf(err) != core.Busy {
			return unlock, err
		}
		if !told && report != nil {
			report("lock.waiting", "waiting: "+core.AsError(err, id).Text, 0)
		}
		if !wait.wait(ctx, 0) {
			return nil, cmp.Or(ctx.Err(), err)
		}
	}
}

func (e *Engine) asItStands(ctx context.Context, id string) core.Allocation {
	a, err := e.Ledger.Allocation(context.WithoutCancel(ctx), id)
	if err != nil {
		e.Log.Debug("allocation not read", "allocation", id, "error", err)
	}
	return a
}

// Release records that the machine is to be removed and removes it. What is
// gone already is no error. It waits for another driver as Drive does.
func (e *Engine) Release(ctx context.Context, id string, report Report) (core.Allocation, error) {
	unlock, err := e.Lock(ctx, id, report)
	if err != nil {
		return e.asItStands(ctx, id), err
	}
	defer unlock()
	a, err := e.Ledger.Allocation(ctx, id)
	if err != nil || a.State.Final() {
		return a, err
	}
	if a.State != core.Releasing {
		a, err = e.Ledger.Change(ctx, id, e.event(id, "release.intended", "to be removed"), func(a *core.Allocation) error {
			a.State, a.Message = core.Releasing, ""
			return nil
		})
		if err != nil {
			return a, err
		}
		e.Step("release.committed")
	}
	d := &drive{Engine: e, id: id, report: report}
	return d.run(ctx)
}

// nameOf is a name that is unique as far as its id is.
func nameOf(p core.Pledge, id string) string {
	base := strings.TrimRight(p.Name[:min(len(p.Name), 50)], "-")
	if base == "" {
		base = "vm"
	}
	return base + "-" + id
}

func (e *Engine) event(id, step, text string) core.Event {
	return core.Event{Allocation: id, Time: e.Now().UTC(), Step: step, Text: text}
}
