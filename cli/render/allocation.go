package render

import (
	"time"

	"github.com/mesoncloud/meson/core"
)

// Allocation is a machine's record as programs read it, the same from deploy,
// show, ls, rm, start, stop, reboot and resume.
type Allocation struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"`
	// Pledge is itself a spec with the same meaning, secrets excepted.
	Pledge   core.Pledge `json:"pledge"`
	Offer    *Offer      `json:"offer"`
	Instance *Instance   `json:"instance"`
	// Volumes are the vids of those that it has.
	Volumes []string `json:"volumes"`
	Message string   `json:"message,omitempty"`
	// DryRun marks what would have been made, and was not.
	DryRun    bool      `json:"dry_run,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// LastSeen is there where the provider could not be asked now.
	LastSeen time.Time `json:"last_seen,omitzero"`
	// Attempts and Attachments are those of `meson show`, oldest first.
	Attempts    []Attempt    `json:"attempts,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Instance is the machine at its provider, as last seen.
type Instance struct {
	ID        string         `json:"id"`
	Provider  string         `json:"provider"`
	Addresses []core.Address `json:"addresses"`
	Console   string         `json:"console"`
	State     string         `json:"state,omitempty"`
	Region    string         `json:"region,omitempty"`
	Zone      string         `json:"zone,omitempty"`
	Shape     string         `json:"shape,omitempty"`
	Message   string         `json:"message,omitempty"`
}

// Attempt is one try at one offer.
type Attempt struct {
	Number    int         `json:"number"`
	State     string      `json:"state"`
	Provider  string      `json:"provider"`
	Zone      string      `json:"zone"`
	Shape     string      `json:"shape"`
	Offer     string      `json:"offer"`
	Instance  string      `json:"instance,omitempty"`
	Error     *core.Error `json:"error,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
}

// NewAllocation is the document of an allocation.
func NewAllocation(a core.Allocation, attempts []core.Attempt) Allocation {
	out := Allocation{
		ID: a.ID, Name: a.Name, State: string(a.State), Pledge: a.Pledge, Volumes: list(a.Volumes),
		Message: a.Message, CreatedAt: a.CreatedAt.UTC(), UpdatedAt: utc(a.UpdatedAt), LastSeen: utc(a.LastSeen),
	}
	if a.Offer != nil {
		o := NewOffer(*a.Offer)
		out.Offer = &o
	}
	if i := a.Instance; i != nil {
		out.Instance = &Instance{
			ID: i.ID, Provider: i.Provider, Addresses: list(i.Addresses), Console: i.Console, State: string(i.State),
			Region: i.Region, Zone: i.Zone, Shape: i.Shape, Message: i.Message,
		}
	}
	for _, t := range attempts {
		out.Attempts = append(out.Attempts, Attempt{
			Number: t.Number, State: string(t.State), Provider: t.Quote.Provider, Zone: t.Quote.Zone, Shape: t.Quote.Shape,
			Offer: t.Quote.ID, Instance: t.InstanceID, Error: t.Error, CreatedAt: t.CreatedAt.UTC(), UpdatedAt: t.UpdatedAt.UTC(),
		})
	}
	return out
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
