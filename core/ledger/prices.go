package ledger

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// SeenWithin is how far behind the times may be that are kept of a list.
const SeenWithin = time.Hour

// Prices is the part of a ledger that keeps what everything costs: price lists
// and which is in use, exchange rates, terms, and the quotes made of them. What
// changes the prices in use is an event, of no allocation, with the change.
type Prices interface {
	// PutPriceList keeps a list. The same revision again changes nothing but its
	// AsOf and when it was seen, and those only where another list was seen
	// since, or they are behind by SeenWithin, so that most calls write nothing. Conflict if it says something else
	// than before. Lists of one provider with different revisions stand side by side.
	PutPriceList(ctx context.Context, provider string, list *pricing.List) error
	// PriceList is one revision of a provider's list. NotFound.
	PriceList(ctx context.Context, provider, revision string) (*pricing.List, error)
	// PriceLists are all kept lists of a provider, of every provider if that is
	// empty: by provider, then the last seen first. None is no error.
	PriceLists(ctx context.Context, provider string) ([]PriceListInfo, error)

	// UsePriceList makes a kept list the one in use of its provider, and writes
	// StepPricesUsed. Where it is so already, by the same and imported or not as
	// the options say, nothing changes, whatever Was is; where only these differ,
	// Since stays. NotFound if there is no such provider or list. Conflict if the
	// one in use is not Was, or if it is imported and By is UsedLive. Invalid if By
	// is neither of its values, or UsedLive with Imported.
	UsePriceList(ctx context.Context, provider, revision string, o UseOptions) error
	// UsedPriceLists are the lists in use by provider, one of each at most.
	UsedPriceLists(ctx context.Context) (map[string]ListUse, error)
	// StopUsingPriceList leaves a provider without a list in use, an imported one
	// too, and writes StepPricesStopped. There need not be one.
	StopUsingPriceList(ctx context.Context, provider string) error

	// PutRates keeps exchange rates, those of other days and sources beside them.
	// New ones write StepRatesPut. The same again change nothing but when they were
	// put; Conflict if those of this base, day and source said something else.
	// Invalid without rates, or where their day is not of the years 1 to 9999.
	PutRates(ctx context.Context, r *pricing.Rates) error
	// Rates are the newest ones: of the latest AsOf, and among these the last put,
	// which was at seenAt. NotFound where none are kept.
	Rates(ctx context.Context) (rates *pricing.Rates, seenAt time.Time, err error)
	// RatesOn are what Rates gives, of those whose AsOf is not after a time.
	RatesOn(ctx context.Context, at time.Time) (rates *pricing.Rates, seenAt time.Time, err error)

	// PutTerms replaces the terms of a scope, the name of a provider or empty for
	// the operator's own, and writes StepTermsPut where they differ; empty ones
	// remove them. NotFound if there is no such provider. Invalid, with every fault,
	// for what [pricing.Terms.Check] refuses, and for rules out of place: an
	// operator's fee is the operator's only, and any other rule a provider's.
	PutTerms(ctx context.Context, scope string, t pricing.Terms) error
	// Terms are all that there are, by scope.
	Terms(ctx context.Context) (map[string]pricing.Terms, error)

	// PutQuotes keeps what was shown for a pledge, all or none. A quote whose
	// id is kept already is refreshed (its expiry may be later now); Conflict
	// if it is of another pledge, offer or total.
	PutQuotes(ctx context.Context, pledgeHash string, quotes []core.Quote, shown time.Time) error
	// Quote is one by id, or by the only id that begins with id, of at least
	// four characters. NotFound; Invalid where several begin so.
	Quote(ctx context.Context, id string) (StoredQuote, error)
}
