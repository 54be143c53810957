package vault

// Settings are the limits of settings.json at the root of a vault. They bind what
// is made or grown; what is there already stays.
type Settings struct {
	// MaxVolumes is how many volumes there may be, MaxBytes what their sizes may add
	// up to (max-size there, in GB of 2^30 bytes). nil: no limit.
	MaxVolumes *uint64
	MaxBytes   *uint64
}
