package ledger

import (
	"context"
	"time"

	"github.com/mesoncloud/meson/core"
)

// Ledger is what was asked, offered, chosen and done. Brokers write to it
// before every side effect: a method that returns nil has its effect on stable
// storage.
//
// All methods may be called from many goroutines, and several brokers in
// several processes may use one ledger at once. Errors are *core.Error with the
// kinds named below; any method may also fail with Unavailable (storage cannot
// be written or reached, nothing changed), Internal (storage is damaged), or
// the context's own error. Times are kept in UTC to the nanosecond. What is
// no UTF-8 in a text, and the character zero, is replaced. Secrets never enter
// the store.
type Ledger interface {
	// ID is the broker's id, [a-z0-9]{10}, made once with the ledger.
	ID() string
	// Hash is a keyed hash of data, 32 lower-case hexadecimal characters:
	// HMAC-SHA256 with the ledger's own random key, shortened. Equal data has
	// equal hashes within one ledger only.
	Hash(data []byte) string

	Providers
	Prices
	Allocations
	Volumes
	Refusals

	// Prune drops quotes last shown before a time that no allocation uses,
	// price lists last seen before it that are not in use and that no quote, attempt
	// or volume refers to, rates last put before it but for the newest,
	// refusals that ended before it, and what is left on the side of allocations and
	// volumes that ended. It never touches allocations, attempts, volumes,
	// attachments or events.
	Prune(ctx context.Context, before time.Time) error

	// Close gives back what the ledger holds, locks included. Further calls
	// fail.
	Close() error
}

// Providers is the part of a ledger that keeps the configured providers.
type Providers interface {
	// PutProvider adds a provider. Conflict if the name is taken, Invalid
	// without a name or a plugin. A zero CreatedAt becomes now.
	PutProvider(ctx context.Context, p core.ProviderConfig) error
	// UpdateProvider replaces a provider's settings, keeping its CreatedAt, and
	// forgets its refusals: what was wrong may have been put right. NotFound;
	// Conflict where the plugin would be another one.
	UpdateProvider(ctx context.Context, p core.ProviderConfig) error
	// Provider is one by name. NotFound.
	Provider(ctx context.Context, name string) (core.ProviderConfig, error)
	// Providers are all of them, by name.
	Providers(ctx context.Context) ([]core.ProviderConfig, error)
	// DeleteProvider removes one, its refusals and its terms, and stops using its
	// price list, which is kept as others are. NotFound; Conflict, naming them,
	// while allocations that are not final have their machine there or may have, or
	// volumes or attachments are there that have not ended.
	DeleteProvider(ctx context.Context, name string) error
	// ProviderHolds is why DeleteProvider refuses: machines, then volumes, then
	// attachments, each the oldest first. NotFound.
	ProviderHolds(ctx context.Context, name string) ([]core.Forgotten, error)
	// ForgetProvider is DeleteProvider of one that is gone for good. What it holds,
	// which must be what ProviderHolds said, ends in the ledger though it may still be
	// there: allocations become Gone unless they may have a machine at another provider,
	// attempts and volumes removed, attachments ended, each with an event, StepForgotten.
	// Of what such a machine has at other providers nothing is forgotten: volumes that
	// were made for it are kept, and attachments are mappings without a machine that are
	// to be ended by force. NotFound; Conflict where something has changed. The caller
	// has locked all that it ends.
	ForgetProvider(ctx context.Context, name string, what []core.Forgotten) error
}

// Allocations is the part of a ledger that keeps allocations with their
// attempts, events, locks and secrets.
//
// A zero event given along with a change writes none; any other needs a Step.
// Its Seq is the ledger's to give, a zero Time is now, and its Allocation is
// that of the change.
//
// The functions given to Change and ChangeAttempt see the current row and edit
// it in place; an error of theirs is returned as it is and nothing changes.
// They must do nothing else: they may be called more than once, and calling the
// ledger from inside waits for ever.
type Allocations interface {
	// Begin records an allocation as pending, with its placement and a first
	// event, StepBegun, and keeps the pledge's secrets as PutSecrets does. ID
	// must be one of NewID; zero times become now. Conflict if the id is taken,
	// or an allocation that is not final has the name: then Subject is
	// "allocation " and that one's id. An empty name is never taken.
	Begin(ctx context.Context, a core.Allocation) error
	// Allocation is one by id, by name (that which is not final, else the
	// newest), or by the only id that begins with idOrName, of at least four
	// characters: in this order. NotFound; Invalid where several begin so.
	Allocation(ctx context.Context, idOrName string) (core.Allocation, error)
	// Allocations are those that match, newest first, each without its
	// Placement, which may be long: Allocation gives it.
	Allocations(ctx context.Context, f Filter) ([]core.Allocation, error)
	// Change edits an allocation and adds an event, in one transaction, and
	// gives back the row as written. UpdatedAt becomes now; ID, CreatedAt,
	// Pledge and PledgeHash stay. NotFound. Conflict when a final state would
	// be left, or the name is taken. Internal when a final state would be
	// entered while an attempt is neither refused nor removed, an attachment has not
	// ended, or a volume that was made for it is neither kept nor final: nothing
	// that may exist is ever forgotten.
	//
	// Once Running or a final state is written, the secrets are dropped.
	Change(ctx context.Context, id string, event core.Event, fn func(*core.Allocation) error) (core.Allocation, error)
	// AddAttempt records an attempt, intended or, if nothing was ever sent,
	// refused; makes its quote the allocation's Offer, and a pending allocation a
	// creating one; and adds an event, in one transaction. Number must be
	// one more than that of the last; Owner.Key must never have been used.
	// Conflict otherwise, or when the allocation is final. NotFound.
	AddAttempt(ctx context.Context, a core.Attempt, event core.Event) error
	// ChangeAttempt edits an attempt and its allocation and adds an event, all
	// in one transaction, under the rules of Change. The attempt's Owner, Quote
	// and CreatedAt stay. NotFound.
	ChangeAttempt(ctx context.Context, allocation string, number int, event core.Event,
		fn func(*core.Attempt, *core.Allocation) error) error
	// Attempts of an allocation, by number.
	Attempts(ctx context.Context, allocation string) ([]core.Attempt, error)
	// AddEvent adds an event, of no allocation if that is empty. Invalid
	// without a step; NotFound if there is no such allocation.
	AddEvent(ctx context.Context, e core.Event) error
	// Events that match, by Seq, which rises in the order in which they became
	// visible: who has seen a Seq has seen all before it.
	Events(ctx context.Context, q Query) ([]core.Event, error)

	// Lock takes the right to drive an allocation, a volume that none owns, or a
	// mapping, by its id, until unlock, Close or the
	// end of this process, however it ends. It does not wait: Busy, saying who
	// holds it since when, if another has it, in this process too. unlock may
	// be called again to no effect.
	Lock(ctx context.Context, allocation string) (unlock func(), err error)

	// PutSecrets keeps what a Create of this allocation needs besides the
	// pledge, outside the store, readable by its owner only. Zero secrets keep
	// nothing.
	PutSecrets(ctx context.Context, allocation string, s Secrets) error
	// Secrets gives them back: zero where the pledge had none, NotFound where
	// it had but they were dropped or lost.
	Secrets(ctx context.Context, allocation string) (Secrets, error)
	// DropSecrets removes them for good. There need not be any.
	DropSecrets(ctx context.Context, allocation string) error
}

// Refusals is the part of a ledger that remembers who said no, for every user
// of it.
type Refusals interface {
	// Remember keeps a refusal, in place of one of the same provider, zone,
	// shape and scope; without an Until for as long as it is not forgotten.
	// Invalid without a provider.
	Remember(ctx context.Context, r Refusal) error
	// Refusals that hold at a time, by provider, zone, shape and scope.
	Refusals(ctx context.Context, now time.Time) ([]Refusal, error)
	// Forget drops what stands against a shape in a zone of a provider: its own
	// refusals and those of the whole zone and the whole provider, of every
	// scope. An empty zone or shape means any, so two of them mean all that the
	// provider ever refused.
	Forget(ctx context.Context, provider, zone, shape string) error
}
