package core

import "time"

// Refusal is a no that is remembered: until then, asking the same of the same
// provider again is pointless. An empty Zone or Shape means the whole of them,
// an empty Scope that the credentials were refused.
type Refusal struct {
	Provider string `json:"provider"`
	Zone     string `json:"zone,omitempty"`
	Shape    string `json:"shape,omitempty"`
	Scope    Scope  `json:"scope,omitempty"`
	// Until is when it ends; zero means when it is forgotten.
	Until time.Time `json:"until,omitzero"`
	Text  string    `json:"text"`
}

// Matches reports whether the refusal is about the offer, at the given time.
func (r Refusal) Matches(o Offer, now time.Time) bool {
	return r.Provider == o.Provider && (r.Until.IsZero() || now.Before(r.Until)) &&
		(r.Zone == "" || r.Zone == o.Zone) && (r.Shape == "" || r.Shape == o.Shape)
}
