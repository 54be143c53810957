package ledger

import (
	"time"

	"github.com/mesoncloud/meson/core"
)

// The steps of the events that the ledger itself writes.
const (
	StepBegun           = "begun"
	StepProviderAdded   = "provider.added"
	StepProviderUpdated = "provider.updated"
	StepProviderDeleted = "provider.deleted"
	StepPricesUsed      = "prices.used"
	StepPricesStopped   = "prices.stopped"
	StepRatesPut        = "rates.put"
	StepTermsPut        = "terms.put"
)

// Filter chooses allocations; what is empty does not restrict.
type Filter struct {
	// Final includes those that failed or are gone. It is not needed where
	// States names one of these.
	Final  bool
	States []core.State
	// Provider of the offer in use.
	Provider string
}

// Query chooses events; what is empty does not restrict.
type Query struct {
	// Allocation by its whole id.
	Allocation string
	// After this Seq.
	After int64
	// Limit on how many, the first ones; 0 for all.
	Limit int
}

// StoredQuote is a quote as it was shown.
type StoredQuote struct {
	core.Quote
	// PledgeHash of what it answered.
	PledgeHash string
	// Shown is when it was last shown.
	Shown time.Time
}

// Who puts a price list into use.
const (
	UsedLive     = "live"   // the broker, as the provider gave it
	UsedByPerson = "person" // somebody agreed to it, or brought it
)

// ListUse is how a price list came to be the one in use.
type ListUse struct {
	Revision string
	// Imported is a list that a person brought from a file: no live one takes its
	// place before a person says so.
	Imported bool
	// By is UsedLive or UsedByPerson.
	By    string
	Since time.Time
}

// UseOptions say how a price list comes into use.
type UseOptions struct {
	// Was is the revision in use as the caller knows it, empty for none.
	Was string
	// Imported and By are as in ListUse.
	Imported bool
	By       string
}

// PriceListInfo is a kept price list without its prices.
type PriceListInfo struct {
	Provider string
	Revision string
	Source   string
	// Currency is empty for a list without prices.
	Currency string
	// Prices is how many it has.
	Prices int
	// AsOf is the list's own date, OldestAsOf the oldest of its prices, each of
	// which has its own or the list's; without prices it is AsOf.
	AsOf       time.Time
	OldestAsOf time.Time
	// SeenAt is when it was last put.
	SeenAt time.Time
	// Use is zero unless it is in use.
	Use ListUse
}

// Refusal is a no that is remembered.
type Refusal = core.Refusal

// Secrets are what a pledge holds that the store must not.
type Secrets struct {
	Password core.Secret
	UserData core.Secret
}

// SecretsOf are those of a pledge.
func SecretsOf(p core.Pledge) Secrets {
	return Secrets{Password: p.Login.Password, UserData: p.UserData}
}

// Into puts s into a pledge that was read from a ledger.
func (s Secrets) Into(p *core.Pledge) { p.Login.Password, p.UserData = s.Password, s.UserData }

// IsZero reports whether there are none.
func (s Secrets) IsZero() bool { return s.Password.IsZero() && s.UserData.IsZero() }
