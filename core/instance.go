package core

import "time"

// State is where an allocation, or its machine, stands.
type State string

// The states. Failed and Gone are final: nothing is held at any provider.
const (
	Pending   State = "pending"   // recorded, nothing asked of a provider yet
	Creating  State = "creating"  // a provider has been asked
	Unsure    State = "uncertain" // whether a machine exists is not known
	Running   State = "running"
	Stopping  State = "stopping"
	Stopped   State = "stopped"
	Starting  State = "starting"
	Failed    State = "failed"    // could not be made, and undone
	Releasing State = "releasing" // being removed
	Gone      State = "gone"
)

// Final reports whether nothing is held and nothing will change any more.
func (s State) Final() bool { return s == Failed || s == Gone }

// Owner is what stands on everything that Meson makes, each value of
// [a-z0-9-], 1 to 63 characters.
type Owner struct {
	Broker     string `json:"broker"`
	Allocation string `json:"allocation"`
	// Key is unique for each attempt.
	Key string `json:"key"`
	// Request is the keyed hash of the request.
	Request string `json:"request"`
}

// Instance is the machine at the provider, as last seen.
type Instance struct {
	ID        string    `json:"id"`
	Provider  string    `json:"provider"`
	Owner     Owner     `json:"owner,omitzero"`
	Name      string    `json:"name"`
	State     State     `json:"state"`
	Progress  Progress  `json:"progress,omitzero"`
	Addresses []Address `json:"addresses"`
	Console   string    `json:"console"`
	Message   string    `json:"message,omitempty"`
	Region    string    `json:"region"`
	Zone      string    `json:"zone"`
	Shape     string    `json:"shape"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Attachments are without the secrets of their connections.
	Attachments []Attachment `json:"attachments,omitempty"`
	// Consumer is how it could reach further volumes.
	Consumer Consumer `json:"consumer,omitzero"`
}

// Progress of a machine that is being made.
type Progress struct {
	Step string `json:"step"`
	// Percent of the step, 0 where unknown.
	Percent int    `json:"percent"`
	Text    string `json:"text,omitempty"`
}

// Address is one that the machine can be reached at.
type Address struct {
	IP      string `json:"ip"`
	Public  bool   `json:"public"`
	Network string `json:"network,omitempty"`
}

// CreateRequest is all that a provider needs to make a machine. It is frozen
// when the attempt is recorded: every repetition sends the same.
type CreateRequest struct {
	Owner  Owner  `json:"owner"`
	Name   string `json:"name"`
	Pledge Pledge `json:"pledge"`
	Offer  Offer  `json:"offer"`
	// Attachments carry secrets and are therefore sent, never stored.
	Attachments []Attachment `json:"-"`
}

// InstanceRef names a machine by key or, if that is empty, by id.
type InstanceRef struct {
	Owner Owner
	ID    string
	Zone  string
}

// PowerAction is what can be done to a machine's power.
type PowerAction string

// The actions. The hard ones do not ask the guest.
const (
	PowerStart      PowerAction = "start"
	PowerStop       PowerAction = "stop"
	PowerStopHard   PowerAction = "stop-hard"
	PowerReboot     PowerAction = "reboot"
	PowerRebootHard PowerAction = "reboot-hard"
)
