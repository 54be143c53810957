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
