package render

import (
	"encoding/json"
	"time"

	"github.com/mesoncloud/meson/core"
)

// Image is what volumes can be made from, as programs read it.
type Image struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// State is creating, available, failed, deleting or gone.
	State     string      `json:"state"`
	OS        core.OS     `json:"os,omitzero"`
	Arch      string      `json:"arch,omitempty"`
	SizeBytes int64       `json:"size_bytes"`
	SizeGiB   json.Number `json:"size_gib"`
	// MinSizeBytes is what a volume of it has at least.
	MinSizeBytes int64  `json:"min_size_bytes,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
	Region       string `json:"region,omitempty"`
	Zone         string `json:"zone,omitempty"`
	// Ours is true for what this ledger imported.
	Ours      bool      `json:"ours"`
	Message   string    `json:"message,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// DryRun marks what would have been removed, and was not.
	DryRun bool `json:"dry_run,omitempty"`
}

// NewImage is the document of an image.
func NewImage(i core.Image, ours bool) Image {
	return Image{
		ID: i.ID, Name: i.Name, Provider: i.Provider, State: string(i.State), OS: i.OS, Arch: i.Arch, SizeBytes: i.SizeBytes, SizeGiB: gib(i.SizeBytes),
		MinSizeBytes: i.MinSizeBytes, SHA256: i.SHA256, Region: i.Region, Zone: i.Zone, Ours: ours, Message: i.Message, CreatedAt: utc(i.CreatedAt),
	}
}
