package core

import (
	"fmt"
	"time"
)

// Refusal is a no that is remembered: until then, asking the same of the same
// provider again is pointless. An empty Zone or Shape means the whole of them,
// an empty Scope that the credentials were refused.
type Refusal struct {
	Provider string `json:"provider"`
	Zone     string `json:"zone,omitempty"`
	// Shape is that of a machine, or what of volumes, as VolumeShape has it.
	Shape string `json:"shape,omitempty"`
	Scope Scope  `json:"scope,omitempty"`
	// Until is when it ends; zero means when it is forgotten.
	Until time.Time `json:"until,omitzero"`
	Text  string    `json:"text"`
}

// Matches reports whether the refusal is about the offer, at the given time.
func (r Refusal) Matches(o Offer, now time.Time) bool {
	return r.about(o.Provider, o.Zone, now) && (r.Shape == "" || r.Shape == o.Shape)
}

// MatchesVolume is Matches for the offer of a volume. A quota is of machines or of
// volumes; money and credentials are one for both.
func (r Refusal) MatchesVolume(o VolumeOffer, now time.Time) bool {
	if !r.about(o.Provider, o.Zone, now) {
		return false
	}
	switch r.Shape {
	case "":
		return r.Scope != ScopeQuota
	case AllVolumes:
		return true
	}
	return r.Shape == VolumeShape(o)
}

func (r Refusal) about(provider, zone string, now time.Time) bool {
	return r.Provider == provider && (r.Until.IsZero() || now.Before(r.Until)) && (r.Zone == "" || r.Zone == zone)
}

// AllVolumes is the Shape of a Refusal that is about volumes of every size and
// tier, and about no machine.
const AllVolumes = "volumes"

// VolumeShape is the Shape of a Refusal that is about volumes of the offer's size
// and tier: there may be room for a smaller one.
func VolumeShape(o VolumeOffer) string {
	return fmt.Sprintf("%s of %d bytes, tier %s", AllVolumes, o.SizeBytes, o.Tier)
}
