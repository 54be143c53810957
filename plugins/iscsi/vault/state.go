package vault

import "time"

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
	// Uses are the attachments that stand.
	Uses []Use `json:"attachments,omitempty"`
	// Lock is somebody's right to the volume, nil without one.
	Lock      *Lock      `json:"lock,omitempty"`
	Snapshots []Snapshot `json:"snapshots,omitempty"`
	// Base is what the volume's image stands on, nil where it stands alone. A volume
	// whose base is not in the vault cannot be read.
	Base *Base `json:"base,omitempty"`
	// Pending is work on the data that has begun and is not known to have ended.
	// While it stands no use begins; who finds it finishes or undoes it.
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

// Lock is a right to a volume that stands until it is given back.
type Lock struct {
	// Holder is a broker and a name, such as "k3j9d0s8w1 ada@desk".
	Holder     string    `json:"holder"`
	Allocation string    `json:"allocation,omitempty"`
	Since      time.Time `json:"since"`
}

// Snapshot is what a volume held at an instant: a file of its folder.
type Snapshot struct {
	// ID is [a-z0-9-]{1,63}, unique in the volume.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// File is a name in the folder, such as snap-<id>.img.
	File string `json:"file"`
	// Format is that of File.
	Format Format `json:"format"`
	// Parent is the snapshot that File stands on, empty without one.
	Parent    string    `json:"parent,omitempty"`
	Owner     *Owner    `json:"owner,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	SizeBytes uint64    `json:"size_bytes"`
	// Clones are the ids of volumes whose images stand on File. An id is written
	// here before the clone is made; one that came to nothing keeps nothing (see
	// Vault.Delete).
	Clones []string `json:"clones,omitempty"`
}

// Base is the snapshot of another volume of the same vault that an image stands on.
type Base struct {
	Volume   string `json:"volume"`
	Snapshot string `json:"snapshot"`
}

// Pending is work that survives who began it.
type Pending struct {
	// Op is such as "snapshot" or "revert", ID what it works on.
	Op    string    `json:"op"`
	ID    string    `json:"id,omitempty"`
	Owner *Owner    `json:"owner,omitempty"`
	Since time.Time `json:"since"`
	// Detail is whatever finishing it needs.
	Detail map[string]string `json:"detail,omitempty"`
}
