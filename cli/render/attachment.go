package render

import (
	"time"

	"github.com/mesoncloud/meson/core"
)

// Attachment is a volume on a machine, as programs read it; it has no secrets.
type Attachment struct {
	ID       string `json:"id"`
	VID      string `json:"vid"`
	Name     string `json:"name,omitempty"`
	Provider string `json:"provider"`
	// Kind is the way to the volume, such as iscsi; empty where the machine's
	// provider does not say.
	Kind     string `json:"kind,omitempty"`
	ReadOnly bool   `json:"readonly"`
	Boot     bool   `json:"boot"`
	// State is intended, exported, attached, ending or ended.
	State     string      `json:"state"`
	Epoch     uint64      `json:"epoch,omitempty"`
	Error     *core.Error `json:"error,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
}

// NewAttachments are the documents of what a machine has; inst is the machine as
// seen last, if it was.
func NewAttachments(all []core.AttachmentRecord, inst *core.Instance) []Attachment {
	kinds := map[string]core.ConnectionKind{}
	if inst != nil {
		for _, a := range inst.Attachments {
			kinds[a.ID] = a.Connection.Kind
		}
	}
	var out []Attachment
	for _, t := range all {
		out = append(out, Attachment{
			ID: t.ID, VID: t.VolumeID, Name: t.Name, Provider: t.Provider, Kind: string(kinds[t.ID]), ReadOnly: t.ReadOnly, Boot: t.Boot,
			State: string(t.State), Epoch: t.Epoch, Error: t.Error, CreatedAt: t.CreatedAt.UTC(),
		})
	}
	return out
}
