package upcloud

import "maps"

// Stats is what there is in the cloud.
type Stats struct {
	Servers, Storages, Backups, Templates int
	PublicIPv4, PublicIPv6, Networks      int // Networks are private ones
	// States counts servers by state.
	States map[string]int
	// Charges are what costs at this moment; after a test there must be none.
	Charges []Charge
	// SpentCents is what has been used up, in hundredths of the account's currency.
	SpentCents float64
	// Requests counts the operations that were carried out, failed ones included.
	Requests map[Operation]int
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
