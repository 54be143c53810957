package render

import (
	"encoding/json"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// Volume is a volume as programs read it, the same from every command of
// `meson volume` that has one.
type Volume struct {
	VID      string `json:"vid"`
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// State is creating, available, in-use, failed, deleting or gone.
	State     string         `json:"state"`
	Progress  *core.Progress `json:"progress,omitempty"`
	SizeBytes int64          `json:"size_bytes"`
	// SizeGiB is exact.
	SizeGiB   json.Number `json:"size_gib"`
	UsedBytes int64       `json:"used_bytes,omitempty"`
	Format    string      `json:"format,omitempty"`
	Bootable  bool        `json:"bootable"`
	Shareable bool        `json:"shareable"`
	ReadOnly  bool        `json:"readonly"`
	Private   bool        `json:"private"`
	Region    string      `json:"region,omitempty"`
	Zone      string      `json:"zone,omitempty"`
	Tier      string      `json:"tier,omitempty"`
	Place     string      `json:"place,omitempty"`
	// Ours is true for what this ledger made; Owner is empty for what Meson did not.
	Ours      bool            `json:"ours"`
	Owner     *core.Owner     `json:"owner,omitempty"`
	Epoch     uint64          `json:"epoch,omitempty"`
	Uses      []VolumeUse     `json:"uses"`
	Lock      *VolumeLock     `json:"lock,omitempty"`
	Exposures []core.Exposure `json:"exposures"`
	Faults    []string        `json:"faults"`
	Message   string          `json:"message,omitempty"`
	CreatedAt time.Time       `json:"created_at,omitzero"`
	// DryRun marks what would have been made, and was not.
	DryRun bool `json:"dry_run,omitempty"`
	// Price is that of the offer it was made of, where that is known.
	Price *OfferPrice `json:"price,omitempty"`
	// LastSeen and Error are there where the provider could not be asked now.
	LastSeen time.Time   `json:"last_seen,omitzero"`
	Error    *core.Error `json:"error,omitempty"`
	// Snapshots are those of `meson volume show`.
	Snapshots []Snapshot `json:"snapshots,omitempty"`
}

// VolumeUse is one attachment; Machine is the name of a machine of this ledger.
type VolumeUse struct {
	core.VolumeUse
	Machine string `json:"machine,omitempty"`
}

// VolumeLock is who keeps others from writing; Machine is the name of the only
// machine of this ledger that may.
type VolumeLock struct {
	core.VolumeLock
	Machine string `json:"machine,omitempty"`
}

// VolumeMore is what a ledger knows of a volume beyond its provider's word.
type VolumeMore struct {
	Ours     bool
	Machines map[string]string
	Price    *pricing.Quote
	DryRun   bool
	LastSeen time.Time
	Error    *core.Error
}

// NewVolume is the document of a volume.
func NewVolume(v core.Volume, more VolumeMore) Volume {
	out := Volume{
		VID: v.ID, Name: v.Name, Provider: v.Provider, State: string(v.State), SizeBytes: v.SizeBytes, SizeGiB: gib(v.SizeBytes),
		UsedBytes: v.UsedBytes, Format: v.Format, Bootable: v.Bootable, Shareable: v.Shareable, ReadOnly: v.ReadOnly, Private: v.Private,
		Region: v.Region, Zone: v.Zone, Tier: v.Tier, Place: v.Place, Ours: more.Ours, Epoch: v.Epoch, Uses: make([]VolumeUse, 0, len(v.Uses)),
		Exposures: list(v.Exposures), Faults: list(v.Faults), Message: v.Message, CreatedAt: utc(v.CreatedAt), DryRun: more.DryRun,
		LastSeen: utc(more.LastSeen), Error: more.Error,
	}
	if v.Progress != (core.Progress{}) {
		out.Progress = &v.Progress
	}
	if v.Owner != (core.Owner{}) {
		out.Owner = &v.Owner
	}
	if v.Lock != nil {
		out.Lock = &VolumeLock{VolumeLock: *v.Lock, Machine: more.Machines[v.Lock.Allocation]}
		out.Lock.Since = utc(v.Lock.Since)
	}
	for _, u := range v.Uses {
		u.Since = utc(u.Since)
		out.Uses = append(out.Uses, VolumeUse{VolumeUse: u, Machine: more.Machines[u.Allocation]})
	}
	if more.Price != nil {
		price := newPrice(*more.Price)
		out.Price = &price
	}
	return out
}

// Snapshot is what a volume held, as programs read it.
type Snapshot struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	VID       string      `json:"vid"`
	Provider  string      `json:"provider"`
	State     string      `json:"state"`
	SizeBytes int64       `json:"size_bytes"`
	SizeGiB   json.Number `json:"size_gib"`
	UsedBytes int64       `json:"used_bytes,omitempty"`
	Message   string      `json:"message,omitempty"`
	CreatedAt time.Time   `json:"created_at,omitzero"`
	Removed   bool        `json:"removed,omitempty"`
}

// NewSnapshot is the document of a snapshot.
func NewSnapshot(s core.Snapshot) Snapshot {
	return Snapshot{
		ID: s.ID, Name: s.Name, VID: s.Volume, Provider: s.Provider, State: string(s.State), SizeBytes: s.SizeBytes, SizeGiB: gib(s.SizeBytes),
		UsedBytes: s.UsedBytes, Message: s.Message, CreatedAt: utc(s.CreatedAt),
	}
}

// NewSnapshots are the documents of several.
func NewSnapshots(all []core.Snapshot) []Snapshot {
	out := make([]Snapshot, 0, len(all))
	for _, s := range all {
		out = append(out, NewSnapshot(s))
	}
	return out
}

// VolumeOffer is a priced offer of a volume as programs read it.
type VolumeOffer struct {
	ID          string            `json:"id"`
	Provider    string            `json:"provider"`
	Plugin      string            `json:"plugin"`
	Region      string            `json:"region"`
	Zone        string            `json:"zone"`
	Tier        string            `json:"tier"`
	SizeBytes   int64             `json:"size_bytes"`
	SizeGiB     json.Number       `json:"size_gib"`
	Exposures   []core.Exposure   `json:"exposures"`
	Unknown     []string          `json:"unknown"`
	Allocatable bool              `json:"allocatable"`
	QuoteOnly   string            `json:"quote_only,omitempty"`
	ExpiresAt   time.Time         `json:"expires_at"`
	Price       OfferPrice        `json:"price"`
	Facts       map[string]string `json:"facts,omitempty"`
}

// NewVolumeOffer is the document of a volume's quote.
func NewVolumeOffer(id string, o core.VolumeOffer, price pricing.Quote) VolumeOffer {
	return VolumeOffer{
		ID: id, Provider: o.Provider, Plugin: o.Plugin, Region: o.Region, Zone: o.Zone, Tier: o.Tier, SizeBytes: o.SizeBytes, SizeGiB: gib(o.SizeBytes),
		Exposures: list(o.Exposures), Unknown: list(o.Unknown), Allocatable: o.QuoteOnly == "", QuoteOnly: o.QuoteOnly,
		ExpiresAt: o.ExpiresAt.UTC(), Price: newPrice(price), Facts: o.Facts,
	}
}
