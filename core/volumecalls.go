package core

// ExportRequest asks a storage provider for a machine's way to a volume. The
// same attachment again gives the same way.
type ExportRequest struct {
	// Attachment is [a-z0-9-]{1,20} and never used twice.
	Attachment string
	// Owner is who attaches: every label of it is set.
	Owner    Owner
	VolumeID string
	ReadOnly bool
	// From is who will connect.
	From Consumer
	// Kinds are the ways that may be used, any of; empty: those of From.
	Kinds []ConnectionKind
}

// Export is a way to a volume that stands until it is ended.
type Export struct {
	// Connection has secrets: it is sent on, never stored.
	Connection Connection
	// Epoch numbers the right to write that it came with.
	Epoch uint64
}

// VolumeResize asks for a volume to grow.
type VolumeResize struct {
	VolumeID  string
	SizeBytes int64
	// HolderGrows says that the caller can have the machine that has the volume's file
	// open grow it. The answer may then be a volume that is still growing.
	HolderGrows bool
}

// SnapshotRequest asks for what a volume holds now to be kept.
type SnapshotRequest struct {
	// Owner has all labels; the snapshot is found by its key.
	Owner    Owner
	VolumeID string
	Name     string
}

// SnapshotRef names a snapshot by its provider's id or, if that is empty, by
// the key of its owner.
type SnapshotRef struct {
	Owner    Owner
	VolumeID string
	ID       string
}

// VolumeImport says what is made of a stream of bytes.
type VolumeImport struct {
	Owner Owner
	Name  string
	Spec  VolumeSpec
	Offer VolumeOffer
	// Format is raw or qcow2: what is sent.
	Format string
	// SHA256 of what is sent, in hexadecimal; empty: not checked.
	SHA256 string
}

// VolumeExport says which bytes of a volume are asked for.
type VolumeExport struct {
	VolumeID string
	// Snapshot, if set, is sent in place of the volume as it is.
	Snapshot string
	// Format is raw or qcow2: what is to be sent.
	Format string
	// MaxBytes bounds what is taken, 0 for what the provider says.
	MaxBytes int64
}

// ImageImport asks for an image to be fetched.
type ImageImport struct {
	Owner Owner
	Name  string
	// URL is one, or a file on the storage server; SHA256 is checked.
	URL    string
	SHA256 string
	Zone   string
	OS     OS
}

// ImageRef names an image by its provider's id or, if that is empty, by the key
// of its owner.
type ImageRef struct {
	Owner Owner
	ID    string
}
