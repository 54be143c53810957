package vault

import "context"

// Begin is how a use begins.
type Begin struct {
	Use Use
	// After is the highest epoch that other places of the same volume have; the new
	// one is higher. See Places, which says whether this place may be written at all.
	After uint64
	// Prepare, if set, completes the use (IQN, Socket, Portals …) once its epoch is
	// known and before it is on disk; it must not serve anything yet.
	Prepare func(u *Use) error
}

// BeginUse records a use, on disk, and returns it; only then may it be served. The
// rules of one writer are decided here, under the volume's lock:
//
//   - The same id again with the same kind, mode, holder, allocation, host and
//     initiator is the use that stands, unchanged; with others a Conflict. An id
//     that was ended is a Conflict for ever, one that is ending is Busy.
//   - A writer of a volume that is not shareable excludes every other use, readers
//     too; readers exclude a writer and nobody else. Busy says which attachment,
//     allocation and since when.
//   - Another holder's lock excludes writers: Busy.
//   - ReadOnly volumes have no writers: Denied. Volumes with faults neither, and
//     with unreadable ones no readers: Conflict with the faults. Pending work: Busy.
//   - A writer gets an epoch that nobody had before, and that is on disk.
//
// A volume that was found gets its part of Meson's metadata now, and the format of
// its image, by the rule of Format.
func (v *Vault) BeginUse(ctx context.Context, ref Ref, b Begin) (*Volume, Use, error) {
	return nil, Use{}, todo()
}

// EndUse ends a use: it is marked as ending, on disk, then fence is called, with the
// volume's lock, which must return nil only when the other side can neither read nor
// write any more; then the use and its CHAP password are removed and its id is never
// taken again. If fence fails the mark stays. What is not there is done, without
// fence.
func (v *Vault) EndUse(ctx context.Context, ref Ref, id string, fence func(ctx context.Context, u Use) error) (*Volume, error) {
	return nil, todo()
}

// ChangeUse changes what a standing use records, such as its portals; id, mode,
// epoch, holder and since stay.
func (v *Vault) ChangeUse(ctx context.Context, ref Ref, id string, change func(u *Use) error) (*Volume, error) {
	return nil, todo()
}
