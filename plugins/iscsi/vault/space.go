package vault

// Space is what a vault has and what of it is taken.
type Space struct {
	Settings Settings
	// TotalBytes and FreeBytes are the filesystem's of the root.
	TotalBytes uint64
	FreeBytes  uint64
	// Volumes and ProvisionedBytes count what the limits count: volumes, those that
	// are being built, and what volumes grow to.
	Volumes          uint64
	ProvisionedBytes uint64
	// UsedBytes is what the images take on disk.
	UsedBytes uint64
}
