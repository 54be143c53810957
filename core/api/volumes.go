package api

import (
	"context"
	"io"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// VolumeInfo is a volume as its provider sees it now, or as it was seen last.
type VolumeInfo struct {
	core.Volume
	// Ours means that this ledger made it.
	Ours bool
	// Machines are the names of this ledger's machines that use it, or that it is
	// locked for, by allocation id.
	Machines map[string]string
	// Quote is what it was bought at, where this ledger knows.
	Quote *core.VolumeQuote
	// LastSeen is set where the provider cannot be asked now, for the reason in
	// Error.
	LastSeen time.Time
	Error    *core.Error
}

// VolumeOffersRequest asks every storage provider for a volume.
type VolumeOffersRequest struct {
	Spec    core.VolumeSpec
	Horizon pricing.Horizon
	Policy  place.Policy
	// Kinds are the ways in which it must be reached, any of; empty: any.
	Kinds []core.ConnectionKind
	// Limit is the most quotes wanted, 0 for all.
	Limit int
}

// VolumeOffersResult is everything that was said, as OffersResult is for
// machines.
type VolumeOffersResult struct {
	Quotes   []core.VolumeQuote
	Reasons  []core.Reason
	Failures []core.Answer
	Why      string
	Rates    *RatesUsed
	Warnings []string
}

// CreateVolumeRequest makes a volume of the cheapest offer that the policy
// allows. A volume is made anew by every request.
type CreateVolumeRequest struct {
	// Name is [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?.
	Name    string
	Spec    core.VolumeSpec
	Origin  core.VolumeOrigin
	Horizon pricing.Horizon
	Policy  place.Policy
	// DryRun stops before the first effect; the volume returned has no ID.
	DryRun   bool
	Progress func(Progress)
}

// CloneVolumeRequest makes a volume of what another one holds, at its provider.
type CloneVolumeRequest struct {
	// From is the volume, by vid or name; Snapshot, if set, one of it by id or name.
	From     string
	Snapshot string
	Name     string
	// SizeBytes is that of the other one if it is 0.
	SizeBytes int64
	Horizon   pricing.Horizon
	Policy    place.Policy
	DryRun    bool
	Progress  func(Progress)
}

// ImportVolumeRequest makes a volume of a stream of bytes.
type ImportVolumeRequest struct {
	CreateVolumeRequest
	// Format is raw or qcow2: what Data is.
	Format string
	// SHA256 of what Data gives, empty for not checked.
	SHA256 string
	Data   io.Reader
}

// ExportVolumeRequest reads the bytes of a volume.
type ExportVolumeRequest struct {
	Volume string
	// Snapshot, if set, is one of the volume by id or name.
	Snapshot string
	// Format is raw or qcow2.
	Format string
	// Begin is told once, before the first byte, how many will come; 0: not known.
	Begin func(total int64) error
	To    io.Writer
}

// VolumeRequest names a volume that something is done to.
type VolumeRequest struct {
	// Volume is a vid, a name, or the first four or more characters of a vid that
	// begin no other; PROVIDER/VOLUME is only that provider's. Of one volume in
	// several providers' places, the one with the highest epoch is meant, except
	// where it is removed.
	Volume string
	// DryRun stops before the first effect.
	DryRun   bool
	Progress func(Progress)
}

// AttachVolumeRequest puts a volume on a machine that exists.
type AttachVolumeRequest struct {
	VolumeRequest
	// Machine is an allocation's id, a unique prefix of it, or its name.
	Machine  string
	ReadOnly bool
}

// DetachVolumeRequest takes a volume off a machine.
type DetachVolumeRequest struct {
	VolumeRequest
	// Machine may be empty where one machine alone has the volume.
	Machine string
	// Force cuts the machine off at the server of the bytes where it does not let
	// go.
	Force bool
}

// LockVolumeRequest keeps others from writing to a volume.
type LockVolumeRequest struct {
	VolumeRequest
	// Who is for people, such as ada@desk.
	Who string
	// Machine is the only one that may write, named as in AttachVolumeRequest; empty:
	// any of this ledger.
	Machine string
}

// UnlockVolumeRequest gives a lock back.
type UnlockVolumeRequest struct {
	VolumeRequest
	// Who is the holder as LockVolume had it.
	Who string
	// Force cuts off whoever writes, and then takes the lock of anybody.
	Force bool
}

// MapVolumeRequest makes a volume reachable from the machine that asks.
type MapVolumeRequest struct {
	VolumeRequest
	// ID is that of an earlier mapping, which then gives the same way again; empty
	// for a new one.
	ID       string
	ReadOnly bool
	// From is this machine.
	From core.Consumer
	// Who is for people, such as ada@desk.
	Who string
}

// VolumeMapping is a way to a volume that stands until UnmapVolume. It has
// secrets, and is never stored.
type VolumeMapping struct {
	Volume     VolumeInfo
	Attachment core.Attachment
	Epoch      uint64
}

// Volumes is the part of a Broker that is about volumes. Volumes are named as in
// VolumeRequest: NotFound where none is, Invalid where several are, Unavailable
// where none is among those of the providers that answer and others do not.
// What a provider cannot do is Unsupported. Changes return the volume as it is
// after them.
type Volumes interface {
	// VolumeOffers asks every storage provider and prices what they answer. It
	// makes nothing.
	VolumeOffers(ctx context.Context, req VolumeOffersRequest) (VolumeOffersResult, error)
	// CreateVolume returns when the volume is available, or could not be made.
	// NoOffer: the error's Faults carry the reasons.
	CreateVolume(ctx context.Context, req CreateVolumeRequest) (VolumeInfo, error)
	CloneVolume(ctx context.Context, req CloneVolumeRequest) (VolumeInfo, error)
	ImportVolume(ctx context.Context, req ImportVolumeRequest) (VolumeInfo, error)
	// ExportVolume writes the volume's bytes; Busy while it is written to.
	ExportVolume(ctx context.Context, req ExportVolumeRequest) (VolumeInfo, error)

	// ListVolumes are those of every storage provider, asked now, or of one by name.
	// Of one that does not answer they are those of this ledger as seen last, and
	// failures says why.
	ListVolumes(ctx context.Context, provider string) (list []VolumeInfo, failures []core.Answer, err error)
	// ShowVolume is one, asked now, with the snapshots of it where there can be any.
	ShowVolume(ctx context.Context, name string) (VolumeInfo, []core.Snapshot, error)
	// RemoveVolume removes a volume and what it holds. Busy, and by whom, while it
	// is in use or locked.
	RemoveVolume(ctx context.Context, req VolumeRequest) (VolumeInfo, error)

	// ResumeVolumes is Resume for volumes and mappings that are no machine's.
	ResumeVolumes(ctx context.Context, progress func(Progress)) ([]VolumeInfo, error)

	// AttachVolume returns when the machine has the volume; the same again is no
	// change. Busy, and by whom, where another one writes to it.
	AttachVolume(ctx context.Context, req AttachVolumeRequest) (VolumeInfo, error)
	// DetachVolume returns when the machine has let go. Busy, and by whom, where
	// it does not.
	DetachVolume(ctx context.Context, req DetachVolumeRequest) (VolumeInfo, error)
	// Attachments are those of a machine that have not ended, and are not its
	// provider's word but the ledger's.
	Attachments(ctx context.Context, machine string) ([]core.AttachmentRecord, error)
	// MapVolume exports a volume to the machine that asks. The same again gives the
	// same way.
	MapVolume(ctx context.Context, req MapVolumeRequest) (VolumeMapping, error)
	// UnmapVolume ends that; mapping is the attachment's id. Ended already is no
	// error.
	UnmapVolume(ctx context.Context, mapping string, force bool) error
	// Mappings are those of this ledger that have not ended.
	Mappings(ctx context.Context) ([]core.AttachmentRecord, error)

	ResizeVolume(ctx context.Context, req VolumeRequest, sizeBytes int64) (VolumeInfo, error)
	RenameVolume(ctx context.Context, req VolumeRequest, name string) (VolumeInfo, error)
	// ConvertVolume returns when the volume has the format, raw or qcow2; the same
	// again is no change. Busy, and by whom, while it is in use.
	ConvertVolume(ctx context.Context, req VolumeRequest, format string) (VolumeInfo, error)
	// LockVolume keeps everybody else from writing, also over restarts. The same again
	// is no change; Busy where somebody else has locked it, or the same for another
	// machine, and where somebody writes whom the lock would keep out.
	LockVolume(ctx context.Context, req LockVolumeRequest) (VolumeInfo, error)
	UnlockVolume(ctx context.Context, req UnlockVolumeRequest) (VolumeInfo, error)

	// Snapshots of a volume, or of all with an empty name.
	Snapshots(ctx context.Context, volume string) ([]core.Snapshot, error)
	CreateSnapshot(ctx context.Context, req VolumeRequest, name string) (core.Snapshot, error)
	// RemoveSnapshot and RevertVolume take a snapshot by id or name.
	RemoveSnapshot(ctx context.Context, req VolumeRequest, snapshot string) error
	RevertVolume(ctx context.Context, req VolumeRequest, snapshot string) (VolumeInfo, error)
}
