package api

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// After how many days, counted from the date that prices or rates bear, they are
// shown as stale and warned of. They are used all the same.
const (
	StaleListDays  = 30
	StaleRatesDays = 7
)

// ListState says what a kept price list is for.
type ListState string

// The states of a price list. Of one provider at most one list is in use, which
// is the current or the imported one.
const (
	// ListCurrent is in use, as the provider gave it.
	ListCurrent ListState = "current"
	// ListImported is in use in place of the provider's own.
	ListImported ListState = "imported"
	// ListWaiting is what the provider gave last, and is not used before a person
	// has agreed to it, or because another one was imported.
	ListWaiting ListState = "waiting"
	// ListOld is kept for the quotes that refer to it.
	ListOld ListState = "old"
	// ListUnkept was looked at, and is not kept.
	ListUnkept ListState = "unkept"
)

// PriceListInfo is a kept price list without its prices.
type PriceListInfo struct {
	Provider string    `json:"provider"`
	Revision string    `json:"revision"`
	State    ListState `json:"state"`
	Source   string    `json:"source"`
	// AsOf is the date that the list bears.
	AsOf     time.Time `json:"as_of"`
	Currency string    `json:"currency"`
	// SKUs is how many prices it has.
	SKUs int `json:"skus"`
	// OldestAsOf is the oldest date of its prices, which may have dates of their own.
	OldestAsOf time.Time `json:"oldest_as_of"`
	// SeenAt is when the provider last gave it, or when it was imported; zero for a
	// list that is not kept.
	SeenAt time.Time `json:"seen_at,omitzero"`
	// UsedSince is when it came into use, and UsedBy who put it there: live, as the
	// provider gave it, or a person. Both only of the list in use.
	UsedSince time.Time `json:"used_since,omitzero"`
	UsedBy    string    `json:"used_by,omitempty"`
	// AgeDays are whole days since OldestAsOf; Stale means more than StaleListDays.
	AgeDays int  `json:"age_days"`
	Stale   bool `json:"stale,omitempty"`
}

// Consent is what a person is asked to agree to before other prices are used.
type Consent struct {
	Provider string `json:"provider"`
	// From is the revision in use, To the one that would be.
	From string `json:"from"`
	To   string `json:"to"`
	// Changes are those that need a yes; each says why in its Consent.
	Changes []pricing.Change `json:"changes"`
}

// RefreshRequest asks providers for their prices.
type RefreshRequest struct {
	// Provider to ask; empty: all, at the same time.
	Provider string
	// Accept is asked, one provider at a time, for the yes that changes need. Nil,
	// or false without an error, is no: the list waits. An error of it is that of the
	// provider's result.
	Accept func(Consent) (bool, error)
	// Live ends an import: the provider's own list comes into use again, under the
	// same rules. Without it an imported list stays, and the provider's is only kept.
	Live bool
}

// ImportRequest puts a price book in place of a provider's own list.
type ImportRequest struct {
	Provider string
	// Book is a price book in YAML; see package pricing/book. Its provider must be
	// the name of this one, or of its plugin.
	Book []byte
	// Low takes the rows of low confidence too.
	Low bool
	// Accept is asked for the yes that changes need. Nil, or false, is no: nothing is
	// kept. Its error is that of the import.
	Accept func(Consent) (bool, error)
	// DryRun checks the book and says what would change, and keeps nothing.
	DryRun bool
}

// RefreshResult is what became of one provider's prices.
type RefreshResult struct {
	Provider string `json:"provider"`
	// From is the revision in use before, empty for none; To the one that was given.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// List is that of To, with its state now.
	List PriceListInfo `json:"list,omitzero"`
	// Changes are all that differ; those that need a yes have a Consent.
	Changes []pricing.Change `json:"changes"`
	// Used means that To is in use now, and was not merely looked at.
	Used bool `json:"used"`
	// Error says why the provider's prices could not be had, or not be kept. What
	// was in use stays.
	Error *core.Error `json:"error,omitempty"`
}

// RatesInfo are the exchange rates in use.
type RatesInfo struct {
	Base   string    `json:"base"`
	AsOf   time.Time `json:"as_of"`
	Source string    `json:"source"`
	// Rates are how much of each currency one unit of Base buys, as decimal strings,
	// without Base itself.
	Rates map[string]string `json:"rates"`
	// Pinned means that they are those built in: no others were ever put.
	Pinned bool `json:"pinned,omitempty"`
	// AgeDays are whole days since AsOf; Stale means more than StaleRatesDays.
	AgeDays int  `json:"age_days"`
	Stale   bool `json:"stale,omitempty"`
}

// RatesUsed names the exchange rates that a result was converted or ordered by.
type RatesUsed struct {
	AsOf   time.Time `json:"as_of"`
	Source string    `json:"source"`
}

// OldestPrice is the line with the oldest price among those of a result.
type OldestPrice struct {
	Provider string    `json:"provider"`
	SKU      string    `json:"sku"`
	AsOf     time.Time `json:"as_of"`
	Source   string    `json:"source"`
}

// QuoteInfo is a quote that was shown, as `offers --explain` prints it.
type QuoteInfo struct {
	core.Quote
	// ShownAt is when it was last shown.
	ShownAt time.Time `json:"shown_at"`
	// Expired means that it no longer binds.
	Expired bool `json:"expired"`
	// Recomputed means that the kept list, the quantities and the rules and rates
	// that the quote records give the very same amounts again; NotRecomputed says
	// why not, such as a list that was pruned.
	Recomputed    bool   `json:"recomputed"`
	NotRecomputed string `json:"not_recomputed,omitempty"`
}

// Prices is the part of a Broker that keeps what everything costs.
type Prices interface {
	// PriceLists are the lists kept of a provider, or of all with an empty name,
	// by provider, that in use first, then the newest first. NotFound.
	PriceLists(ctx context.Context, provider string) ([]PriceListInfo, error)
	// PriceList is one revision of a provider's list; that in use, or else the last
	// one seen, if it is empty. NotFound.
	PriceList(ctx context.Context, provider, revision string) (*pricing.List, PriceListInfo, error)
	// RefreshPrices asks providers for their lists now and says of each what changed
	// against the list in use. One without changes that need a yes comes into use at
	// once. What a provider cannot answer stands in its result. NotFound.
	RefreshPrices(ctx context.Context, req RefreshRequest) ([]RefreshResult, error)
	// ImportPrices reads a price book and puts it into use in place of the
	// provider's own list, until a RefreshPrices with Live. Its result has no Error.
	// Invalid, with every fault of the book; Conflict where the revision is that of
	// a list which says something else; NotFound.
	ImportPrices(ctx context.Context, req ImportRequest) (RefreshResult, error)
	// DiffPrices are the changes from one kept list to another: from that in use
	// where from is empty, and to the last one seen where to is. NotFound.
	DiffPrices(ctx context.Context, provider, from, to string) ([]pricing.Change, error)

	// Rates are the exchange rates in use.
	Rates(ctx context.Context) (RatesInfo, error)
	// PutRates reads the ECB's daily XML and puts its rates into use; source is
	// where they are from. Invalid; Conflict where those in use are of a later day.
	PutRates(ctx context.Context, data []byte, source string) (RatesInfo, error)
	// FetchRates is PutRates of what stands at an https URL, that of the ECB if it is
	// empty, or in a file (file:///PATH). Unavailable.
	FetchRates(ctx context.Context, url string) (RatesInfo, error)

	// Terms are what is agreed on top of price lists, by provider's name, and the
	// operator's under "".
	Terms(ctx context.Context) (map[string]pricing.Terms, error)
	// PutTerms replaces those of a provider, or with an empty scope the operator's;
	// empty terms remove them. Invalid, with every fault; NotFound.
	PutTerms(ctx context.Context, scope string, terms pricing.Terms) error

	// Quote is one that was shown, by its ID or the only one that begins so.
	// NotFound.
	Quote(ctx context.Context, id string) (QuoteInfo, error)
}
