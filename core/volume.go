package core

import "time"

// VolumeState is where a volume stands at its provider.
type VolumeState string

// The states. VolumeFailed needs a person, as the volume's Message says.
const (
	VolumeCreating  VolumeState = "creating"
	VolumeAvailable VolumeState = "available"
	VolumeInUse     VolumeState = "in-use"
	VolumeFailed    VolumeState = "failed"
	VolumeDeleting  VolumeState = "deleting"
	VolumeGone      VolumeState = "gone"
)

// VolumeSpec is what a volume must be.
type VolumeSpec struct {
	SizeBytes int64 `json:"size_bytes"`
	Bootable  bool  `json:"bootable,omitempty"`
	// Shareable volumes may be written by many at once; they are directories that
	// guests mount, never disks, and cannot be Bootable.
	Shareable bool `json:"shareable,omitempty"`
	ReadOnly  bool `json:"readonly,omitempty"`
	// Private is a mark that is kept with the volume; no right follows from it.
	Private bool `json:"private,omitempty"`
	// Format is raw, qcow2 or empty for the provider's choice.
	Format string `json:"format,omitempty"`
}

// Volume is one at its provider, as last seen.
type Volume struct {
	// ID is the provider's: opaque, as users' files have it in "vid".
	ID       string `json:"vid"`
	Provider string `json:"provider"`
	// Owner is empty for a volume that Meson did not make.
	Owner    Owner       `json:"owner,omitzero"`
	Name     string      `json:"name"`
	State    VolumeState `json:"state"`
	Progress Progress    `json:"progress,omitzero"`
	VolumeSpec
	// UsedBytes is what it takes of the provider's space, 0 where not known.
	UsedBytes int64  `json:"used_bytes,omitempty"`
	Region    string `json:"region,omitempty"`
	Zone      string `json:"zone,omitempty"`
	Tier      string `json:"tier,omitempty"`
	// Place is where it lies, for people.
	Place string `json:"place,omitempty"`
	// Epoch numbers the present right to write.
	Epoch     uint64      `json:"epoch,omitempty"`
	Uses      []VolumeUse `json:"uses"`
	Lock      *VolumeLock `json:"lock,omitempty"`
	Exposures []Exposure  `json:"exposures,omitempty"`
	// Faults are what is wrong with it; it is not used for writing then.
	Faults    []string  `json:"faults,omitempty"`
	Message   string    `json:"message,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Growth is what it is growing to, nil where it does not.
	Growth *VolumeGrowth `json:"growth,omitempty"`
}

// VolumeGrowth is a size that is on record, and counts, before the volume has it.
type VolumeGrowth struct {
	SizeBytes int64 `json:"size_bytes"`
	// Attachment is that whose machine has the file open and must grow it; empty: the
	// provider does.
	Attachment string `json:"attachment,omitempty"`
}

// VolumeUse is one attachment, as the storage provider has it.
type VolumeUse struct {
	Attachment string `json:"attachment"`
	Allocation string `json:"allocation,omitempty"`
	// Holder is for people.
	Holder   string         `json:"holder,omitempty"`
	Kind     ConnectionKind `json:"kind,omitempty"`
	Writable bool           `json:"writable"`
	Epoch    uint64         `json:"epoch,omitempty"`
	// Peers are the addresses that are connected now, as far as known.
	Peers []string  `json:"peers,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// VolumeLock is a right to a volume that stands until it is given back.
type VolumeLock struct {
	Holder     string    `json:"holder"`
	Allocation string    `json:"allocation,omitempty"`
	Since      time.Time `json:"since,omitzero"`
}

// VolumeRef names a volume by its provider's id or, if that is empty, by the key
// of its owner.
type VolumeRef struct {
	Owner Owner
	ID    string
}

// Snapshot is what a volume held at an instant.
type Snapshot struct {
	ID        string      `json:"id"`
	Provider  string      `json:"provider"`
	Owner     Owner       `json:"owner,omitzero"`
	Volume    string      `json:"vid"`
	Name      string      `json:"name"`
	State     VolumeState `json:"state"`
	Progress  Progress    `json:"progress,omitzero"`
	SizeBytes int64       `json:"size_bytes,omitempty"`
	UsedBytes int64       `json:"used_bytes,omitempty"`
	Message   string      `json:"message,omitempty"`
	CreatedAt time.Time   `json:"created_at,omitzero"`
}

// Image is what volumes can be made from.
type Image struct {
	ID           string      `json:"id"`
	Provider     string      `json:"provider"`
	Owner        Owner       `json:"owner,omitzero"`
	Name         string      `json:"name"`
	State        VolumeState `json:"state"`
	Progress     Progress    `json:"progress,omitzero"`
	OS           OS          `json:"os,omitzero"`
	Arch         string      `json:"arch,omitempty"`
	SizeBytes    int64       `json:"size_bytes,omitempty"`
	MinSizeBytes int64       `json:"min_size_bytes,omitempty"`
	SHA256       string      `json:"sha256,omitempty"`
	Region       string      `json:"region,omitempty"`
	Zone         string      `json:"zone,omitempty"`
	Message      string      `json:"message,omitempty"`
	CreatedAt    time.Time   `json:"created_at,omitzero"`
}
