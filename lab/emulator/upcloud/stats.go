package upcloud

import "maps"

// Stats is what there is in the cloud.
type Stats struct {
	Servers    int `json:"servers"`
	Storages   int `json:"storages"`
	Backups    int `json:"backups"`
	Templates  int `json:"templates"` // private ones
	PublicIPv4 int `json:"public_ipv4"`
	PublicIPv6 int `json:"public_ipv6"`
	Networks   int `json:"networks"` // private ones
	// States counts servers by state.
	States map[string]int `json:"states"`
	// Charges are what costs at this moment; after a test there must be none.
	Charges []Charge `json:"charges"`
	// SpentCents is what has been used up, in hundredths of the account's currency.
	SpentCents float64 `json:"spent_cents"`
	// Requests counts the operations that were carried out, failed ones included.
	Requests map[Operation]int `json:"requests"`
}

// Stats counts what there is now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	st := Stats{
		Servers: len(s.machines), States: map[string]int{}, Charges: s.meter.charges(), SpentCents: s.meter.total(now).cents(),
		Requests: maps.Clone(s.requests),
	}
	for _, m := range s.machines {
		st.States[m.state]++
	}
	for _, d := range s.storages {
		switch {
		case d.public:
		case d.kind == kindBackup:
			st.Backups++
		case d.kind == kindTemplate:
			st.Templates++
		default:
			st.Storages++
		}
	}
	for _, a := range s.address {
		switch {
		case a.access == accessPublic && a.family == ipv4:
			st.PublicIPv4++
		case a.access == accessPublic:
			st.PublicIPv6++
		}
	}
	for _, n := range s.networks {
		if n.kind == accessPrivate {
			st.Networks++
		}
	}
	return st
}
