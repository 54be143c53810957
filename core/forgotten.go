package core

// Forgotten is one thing that a ledger no longer knows of, though nobody has asked its
// provider whether it is gone: its record has a final state all the same, which
// otherwise promises that nothing is held, and an Error or a Message that says so.
type Forgotten struct {
	// What is "machine", "volume" or "attachment".
	What string `json:"what"`
	// ID is the ledger's own, ProviderID the provider's, empty where it was never seen.
	ID         string `json:"id"`
	ProviderID string `json:"provider_id,omitempty"`
	Name       string `json:"name,omitempty"`
	// Allocation is the machine's that it belongs to.
	Allocation string `json:"allocation,omitempty"`
}
