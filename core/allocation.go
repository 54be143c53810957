package core

import "time"

// Allocation is the durable record of a placement's life.
type Allocation struct {
	// ID is short, unique in its ledger, [a-z0-9]{10}.
	ID string `json:"id"`
	// Name is the user's, unique among the allocations that are not final.
	Name  string `json:"name"`
	State State  `json:"state"`
	// Pledge is stored without its secrets.
	Pledge Pledge `json:"pledge"`
	// PledgeHash is keyed and covers the secrets: equal means the same request.
	PledgeHash string    `json:"-"`
	Placement  Placement `json:"-"`
	// Offer is the quote in use: that of the last attempt.
	Offer *Quote `json:"offer"`
	// Instance is the machine as last seen, if one was made.
	Instance *Instance `json:"instance"`
	Volumes  []string  `json:"volumes"`
	// Abandoned means that no further offer is tried: what was made is undone and
	// the allocation fails.
	Abandoned bool `json:"abandoned,omitempty"`
	// Message says why the state is what it is, where that needs saying.
	Message   string    `json:"message,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// LastSeen is set where the provider could not be asked now.
	LastSeen time.Time `json:"last_seen,omitzero"`
}

// AttemptState is how far an attempt has come.
type AttemptState string

// The states of an attempt. Only Refused and Removed promise that the provider
// holds nothing under its key.
const (
	AttemptIntended AttemptState = "intended" // recorded; Create may have been sent
	AttemptMade     AttemptState = "made"     // the instance has been seen
	AttemptUndoing  AttemptState = "undoing"  // to be removed
	AttemptRefused  AttemptState = "refused"  // definitely not made, or undone
	AttemptRemoved  AttemptState = "removed"  // removed after it ran
)

// Attempt is one try at one offer. Its key is never used again.
type Attempt struct {
	Allocation string       `json:"allocation"`
	Number     int          `json:"number"`
	Owner      Owner        `json:"owner"`
	Quote      Quote        `json:"quote"`
	State      AttemptState `json:"state"`
	InstanceID string       `json:"instance_id,omitempty"`
	Error      *Error       `json:"error,omitempty"`
	CreatedAt  time.Time    `json:"created_at"`
	UpdatedAt  time.Time    `json:"updated_at"`
}

// Event is one entry of an allocation's history; events are never changed.
type Event struct {
	Seq        int64     `json:"seq"`
	Allocation string    `json:"allocation"`
	Time       time.Time `json:"time"`
	// Step is the stable name of what happened, such as "create.sent".
	Step    string `json:"step"`
	Attempt int    `json:"attempt,omitempty"`
	Text    string `json:"text"`
}

// ProviderConfig is one configured provider.
type ProviderConfig struct {
	Name   string `json:"name"`
	Plugin string `json:"plugin"`
	// Settings are the plugin's own, without secrets, as one JSON object.
	Settings []byte `json:"-"`
	// SecretFiles are paths by key; the bytes are read when needed, never kept.
	SecretFiles map[string]string `json:"secret_files,omitempty"`
	// Connect is the address of a resident plugin; empty: it is started.
	Connect   string    `json:"connect,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}
