package vault

import (
	"context"
	"path/filepath"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// New is a volume to be made.
type New struct {
	// ID is [a-z0-9][a-z0-9-]{0,62}; empty: IDFor(Owner).
	ID   string
	Meta Meta
	// Owner has a broker and a key.
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

// Create makes a volume. fill makes the image at Build.Data (or fills the
// directory), with the size and the format that were asked for; everything it left
// in the folder is synced, then the folder gets its name. If fill fails, or anything
// else does, nothing is left.
//
// The same owner's broker and key again, with the same request, gives the volume
// that is there, without fill; with another request it is a Conflict, and so is an
// ID that is taken. While another call makes it, Busy. What does not fit
// settings.json is Exhausted, scope quota; a full disk is Exhausted, scope capacity.
// The limits count what is being made, and hold between processes.
func (v *Vault) Create(ctx context.Context, n New, fill func(ctx context.Context, b *Build) error) (*Volume, error) {
	const op = "create volume"
	if n.ID == "" {
		n.ID = IDFor(n.Owner)
	}
	if err := n.check(op); err != nil {
		return nil, err
	}
	b, vol, err := v.reserve(ctx, op, n)
	if b == nil {
		return vol, failed(op, "volume "+n.ID, err)
	}
	defer b.lock.release()
	defer b.d.close()
	vol, err = b.finish(ctx, fill)
	if err != nil && !b.named {
		v.step("undo")
		if rerr := v.discard(b.d, b.name); rerr != nil {
			v.o.Log.Warn("a half-made volume stays until the next sweep", "folder", b.build.Folder, "error", rerr)
		}
	}
	return vol, failed(op, "volume "+n.ID, err)
}

func (n New) check(op string) error {
	var faults []sdk.Fault
	if e, ok := n.Meta.check(Meta{}).(*sdk.Error); ok {
		faults = append(faults, e.Faults...)
	}
	if !newIDForm.MatchString(n.ID) {
		faults = append(faults, sdk.Fault{Path: "id", Have: short(n.ID), Want: "1 to 63 of a-z, 0-9 and -, not - first"})
	}
	if !n.Meta.Shareable && !n.Format.valid() {
		faults = append(faults, sdk.Fault{Path: "format", Have: short(string(n.Format)), Want: "raw or qcow2"})
	}
	if n.Meta.Shareable && n.Format != "" {
		faults = append(faults, sdk.Fault{Path: "format", Have: short(string(n.Format)), Want: "none: a shareable volume is a directory"})
	}
	if err := n.Owner.check(); err != nil || n.Owner.Broker == "" || n.Owner.Key == "" {
		faults = append(faults, sdk.Fault{Path: "owner", Want: "a broker and a key, of a-z, 0-9 and -"})
	}
	return sdk.InvalidFaults(op, faults)
}

// reserve makes the folder in which the volume is built, or finds the volume.
func (v *Vault) reserve(ctx context.Context, op string, n New) (*building, *Volume, error) {
	l, err := v.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer l.release()
	if err := v.Refresh(ctx); err != nil {
		return nil, nil, err
	}
	subject := "volume " + n.ID
	for _, vol := range v.index.all() {
		switch {
		case vol.ownedBy(n.Owner.Broker, n.Owner.Key) && vol.State.Owner.Request == n.Owner.Request:
			return nil, vol, nil
		case vol.ownedBy(n.Owner.Broker, n.Owner.Key):
			return nil, nil, refusal(sdk.Conflict, op, subject, "the key "+n.Owner.Key+" was used for another request", "")
		case vol.ID == n.ID:
			return nil, nil, refusal(sdk.Conflict, op, subject, "the id is taken by "+vol.Folder, "")
		}
	}
	making, err := v.Building(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range making {
		if u.ID == n.ID || u.Owner.Broker == n.Owner.Broker && u.Owner.Key == n.Owner.Key {
			return nil, nil, refusal(sdk.Busy, op, subject, "it has been in the making since "+when(u.Since), "")
		}
	}
	if err := v.fits(ctx, op, subject, 1, n.Meta.SizeBytes); err != nil {
		return nil, nil, err
	}
	if err := v.retire(); err != nil {
		return nil, nil, err
	}
	b, err := v.newBuilding(ctx, n)
	return b, nil, err
}

// final is the name that the folder gets.
func (n New) final() string { return n.ID + suffix }

func (v *Vault) folder(rel string) string { return filepath.Join(v.root.path, rel) }
