package vault

// stamp is how a file is known to be the one that was read.
type stamp struct {
	dev, ino, size uint64
	changed        int64
}
