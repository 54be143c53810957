package core

import "time"

// AttachmentState is how far an attachment has come.
type AttachmentState string

// The states of an attachment. Only AttachmentEnded promises that the volume is
// exported to nobody under its id.
const (
	AttachmentIntended AttachmentState = "intended" // recorded; Export may have been sent
	AttachmentExported AttachmentState = "exported" // the way to it was seen; the machine may have it
	AttachmentAttached AttachmentState = "attached" // the machine has it
	AttachmentEnding   AttachmentState = "ending"   // to be taken off the machine and unexported
	AttachmentEnded    AttachmentState = "ended"
)

// AttachmentRecord is the durable record of a volume on a machine. The way to
// the volume has secrets and is no part of it: Export, which gives the same for
// the same attachment, is asked again.
type AttachmentRecord struct {
	// ID is [a-z0-9-]{1,20} and never used again. It names the export at the storage
	// provider and the disk on the machine.
	ID string `json:"id"`
	// Allocation is the machine's; empty for one that a person mapped.
	Allocation string `json:"allocation,omitempty"`
	// Attempt is the one that it is for; 0 for a machine that ran already.
	Attempt int `json:"attempt,omitempty"`
	// Index is the volume's place in the pledge, -1 for none.
	Index int   `json:"index"`
	Owner Owner `json:"owner"`
	// Provider is the storage provider's name, VolumeID its own for the volume.
	Provider string `json:"provider"`
	VolumeID string `json:"vid"`
	// Volume is the record of the volume, empty where there is none.
	Volume   string `json:"volume,omitempty"`
	Name     string `json:"name,omitempty"`
	ReadOnly bool   `json:"readonly,omitempty"`
	Boot     bool   `json:"boot,omitempty"`
	// From is who connects.
	From Consumer `json:"from,omitzero"`
	// Holder is for people where there is no allocation, such as ada@desk.
	Holder string `json:"holder,omitempty"`
	// Change is what is being done to the volume, such as "resize volume", where nobody
	// is to reach it by this record: it keeps others from writing in other places.
	Change string          `json:"change,omitempty"`
	State  AttachmentState `json:"state"`
	// Epoch numbers the right to write that it came with.
	Epoch uint64 `json:"epoch,omitempty"`
	// Force cuts off, while it ends, who does not let go.
	Force     bool      `json:"force,omitempty"`
	Error     *Error    `json:"error,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}
