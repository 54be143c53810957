package vault

import (
	"encoding/json"
	"time"
)

// State is what Meson adds to a volume's metadata, under the key "meson".
type State struct {
	// Version is that of this layout: 1. A volume with a higher one is not written.
	Version int `json:"version"`
	// Owner is nil for a volume that was found, not made.
	Owner     *Owner    `json:"owner,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Format is empty for shareable directories, and before the first use of a
	// volume that was found.
	Format Format `json:"format,omitempty"`
	// Epoch is the number of the latest right to write; it only grows, and is on
	// disk before that writer is served. 0: there was none yet.
	Epoch uint64 `json:"epoch"`
	// EpochAt is the vault (Vault.ID) in which Epoch was raised; see Places.
	EpochAt string `json:"epoch_at,omitempty"`
	// Partial is the highest epoch of a writer whose record came with the folder from
	// where it was copied: what was written under that one may not all be here.
	Partial uint64 `json:"partial_epoch,omitempty"`
	// Uses are the attachments that stand.
	Uses []Use `json:"attachments,omitempty"`
	// Lock is somebody's right to the volume, nil without one.
	Lock *Lock `json:"lock,omitempty"`
	// Snapshots are the frozen layers below the image.
	Snapshots []Snapshot `json:"snapshots,omitempty"`
	// Parent is the snapshot that the image stands on, empty where it stands alone.
	Parent string `json:"parent,omitempty"`
	// Pending is work on the data that has begun and is not known to have ended.
	// While it stands no use begins; who finds it finishes or undoes it. What is
	// wrong with the image meanwhile is no fault.
	Pending *Pending `json:"pending,omitempty"`
	// ResizeBytes is the size that the volume is growing to, 0 if it is not. It
	// counts for the limits.
	ResizeBytes uint64 `json:"resize_bytes,omitempty"`
}

// Owner says who made something; see Owner in types.proto.
type Owner struct {
	Broker     string `json:"broker"`
	Allocation string `json:"allocation,omitempty"`
	Key        string `json:"key"`
	Request    string `json:"request,omitempty"`
}

// Lock is a right to a volume that stands until it is given back. It lets those
// write who are of the same broker and the same allocation (any, if the lock has
// none), and have no other name, where both sides give one.
type Lock struct {
	// Holder is a broker and a name, such as "k3j9d0s8w1 ada@desk".
	Holder     string    `json:"holder"`
	Allocation string    `json:"allocation,omitempty"`
	Since      time.Time `json:"since"`
}

// Snapshot is what a volume held at an instant: a frozen file of its folder, which
// may have links in other folders too.
type Snapshot struct {
	// ID is letters, digits and hyphens, at most 64, unique in the volume.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// File is a name in the folder, such as snap-<id>.img.
	File string `json:"file"`
	// Format is that of File.
	Format Format `json:"format"`
	// Parent is the snapshot that File stands on, empty where it stands alone.
	Parent    string    `json:"parent,omitempty"`
	Owner     *Owner    `json:"owner,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	SizeBytes uint64    `json:"size_bytes"`
	// Hidden is a layer that nobody asked for as a snapshot: something stands on it.
	Hidden bool `json:"hidden,omitempty"`
	// Merging is a hidden layer that what stands on it was begun to be merged into:
	// by itself it no longer holds what it did.
	Merging bool `json:"merging,omitempty"`
}

// Pending is work that survives who began it.
type Pending struct {
	// Op is such as "snapshot" or "revert", ID its own, never used again.
	Op    string    `json:"op"`
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
	// Change is what the work is, as who does it reads it: a JSON object.
	Change json.RawMessage `json:"change,omitempty"`
}
