package ledger

import (
	"context"

	"github.com/mesoncloud/meson/core"
)

// Volumes is the part of a ledger that keeps volumes and attachments. Events,
// and the functions given to a change, are as in Allocations; the event's
// Allocation is the record's.
type Volumes interface {
	// AddVolumes records volumes, with one event, in one transaction: each intended,
	// or to be removed if it is foreign. ID must be one of NewID, for Lock too;
	// Owner.Key must never have been used; zero times become now. Conflict
	// otherwise, or where the allocation of one is final. Busy, naming them, where
	// a foreign one has attachments that have not ended. NotFound where there is no
	// such allocation.
	AddVolumes(ctx context.Context, all []core.VolumeRecord, event core.Event) error
	// Volume is one by its whole id. NotFound.
	Volume(ctx context.Context, id string) (core.VolumeRecord, error)
	// Volumes are those that match, oldest first.
	Volumes(ctx context.Context, f VolumeFilter) ([]core.VolumeRecord, error)
	// ChangeVolume edits a volume and adds an event, in one transaction, and gives
	// back the record as written. UpdatedAt becomes now; ID, Provider, Owner, Quote,
	// Allocation, Index, Foreign and CreatedAt stay. NotFound. Conflict when a final
	// state would be left. Busy, naming them, when it would become undoing or final
	// while attachments of it have not ended.
	ChangeVolume(ctx context.Context, id string, event core.Event, fn func(*core.VolumeRecord) error) (core.VolumeRecord, error)

	// AddAttachments records attachments, each intended, with one event, in one
	// transaction. IDs are never used again: Conflict, as for a volume that is being
	// removed or is no more, and where the allocation is final. One that may write is
	// Conflict, too, naming the others, while one of the same volume at another
	// provider may write and has not ended: the same id of providers of one plugin,
	// unless the ledger made a volume at each. Invalid without a provider or the
	// volume's id. NotFound where there is no such allocation or volume.
	AddAttachments(ctx context.Context, all []core.AttachmentRecord, event core.Event) error
	// Attachment is one by its whole id. NotFound.
	Attachment(ctx context.Context, id string) (core.AttachmentRecord, error)
	// Attachments are those that match, oldest first.
	Attachments(ctx context.Context, f AttachmentFilter) ([]core.AttachmentRecord, error)
	// ChangeAttachment edits an attachment, and its allocation where it has one
	// (else a is nil), and adds an event, in one transaction, under the rules of
	// Change. Of the attachment, State, Epoch, Force and Error change. NotFound.
	// Conflict when the end would be left.
	ChangeAttachment(ctx context.Context, id string, event core.Event,
		fn func(t *core.AttachmentRecord, a *core.Allocation) error) (core.AttachmentRecord, error)

	// ChangeHeld is ChangeAttempt that edits the volumes made for the allocation and
	// its attachments too, under their own rules, in the same transaction.
	ChangeHeld(ctx context.Context, allocation string, number int, event core.Event, fn func(*Held) error) error
}

// Held is an allocation with an attempt at it and all that is held for it.
type Held struct {
	Allocation  *core.Allocation
	Attempt     *core.Attempt
	Volumes     []core.VolumeRecord
	Attachments []core.AttachmentRecord
}

// VolumeFilter chooses volumes; what is empty does not restrict.
type VolumeFilter struct {
	// Final includes those that were refused or removed.
	Final      bool
	Provider   string
	VolumeID   string
	Allocation string
	// Open is only those that are neither made nor final: somebody has to go on.
	Open bool
}

// AttachmentFilter chooses attachments; what is empty does not restrict.
type AttachmentFilter struct {
	// Final includes those that ended.
	Final      bool
	Provider   string
	VolumeID   string
	Allocation string
	// Volume is the id of a record.
	Volume string
	// Open is only those that are neither attached nor ended. A mapping that is
	// exported is among them.
	Open bool
}
