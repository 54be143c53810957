package vault

import (
	"context"
	"time"
)

// New is a volume to be made.
type New struct {
	// ID is [a-z0-9-]{1,63}; empty: IDFor(Owner).
	ID    string
	Meta  Meta
	Owner Owner
	// Format is that of the image; empty exactly for shareable volumes, which get a
	// directory.
	Format Format
}

// Build is a volume that is being made: a folder that nobody sees yet.
type Build struct {
	// Folder is absolute, Data the path for the image, or of the directory, which is
	// there, empty.
	Folder string
	Data   string
	New    New
	// Snapshots and Parent are for fill to set where the image stands on layers that
	// it has put into Folder; see State.
	Snapshots []Snapshot
	Parent    string
}

// Underway is a volume that a live process is making just now.
type Underway struct {
	ID    string
	Owner Owner
	Meta  Meta
	Since time.Time
}

// IDFor is the id of what an owner's key makes, the same at every call: a UUID.
func IDFor(o Owner) string { return "" }

// Create makes a volume. fill makes the image at Build.Data (or fills the
// directory), with the size and the format that were asked for; everything it left
// in the folder is synced, then the folder gets its name. If fill fails, or anything
// else does, nothing is left.
//
// The same owner's broker and key again, with the same request, gives the volume
// that is there, without fill; with another request it is a Conflict, and so is an
// ID that is taken. While another process makes it, Busy. What does not fit
// settings.json is Exhausted, scope quota; a full disk is Exhausted, scope capacity.
// The limits count what is being made, and hold between processes.
func (v *Vault) Create(ctx context.Context, n New, fill func(ctx context.Context, b *Build) error) (*Volume, error) {
	return nil, todo()
}

// Building is what live processes are making.
func (v *Vault) Building(ctx context.Context) ([]Underway, error) { return nil, todo() }

// Delete removes a volume and its snapshots and gives their space back to the
// filesystem before it returns; the number is how many bytes that was. It is Busy,
// and says by whom, while a use, another holder's lock (holder is the caller's) or
// pending work stands. What is not there is done. Volumes with faults are never touched, except what Meson
// made itself, is alone with its id and whose metadata can be read.
func (v *Vault) Delete(ctx context.Context, ref Ref, holder string) (freedBytes uint64, err error) {
	return 0, todo()
}
