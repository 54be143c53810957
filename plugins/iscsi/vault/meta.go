package vault

// Meta is what the metadata say of a volume in the words that all readers of the
// format share.
type Meta struct {
	Name string
	// SizeBytes is what a machine sees; on disk it is in GB, 2^30 bytes, a multiple
	// of 0.125.
	SizeBytes uint64
	Bootable  bool
	Private   bool
	// Shareable excludes Bootable.
	Shareable bool
	// ReadOnly volumes are never used for writing.
	ReadOnly bool
}
