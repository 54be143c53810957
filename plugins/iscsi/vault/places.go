package vault

// Place is one volume id with every folder that holds it, over several vaults.
type Place struct {
	ID string
	// Authority is the one that may be written; nil where none may, and Why says why.
	Authority *Volume
	Why       string
	// All are the folders in the order of preference for reading.
	All []*Volume
	// Epoch is the highest of all; Begin.After for the authority.
	Epoch uint64
}

// Places sorts the volumes of several vaults, given in the order in which they are
// configured, by id. The authority is the place with the highest epoch. Of several
// with the same, the one in whose vault that epoch was raised; where no epoch was
// ever raised, the first. Otherwise nobody knows which one is newer, and none may be
// written. A volume with faults is never the authority, but keeps a place with a
// lower epoch from being it.
func Places(vaults ...[]*Volume) map[string]*Place { return nil }
