package upcloud

import (
	"encoding/json"
	"slices"
)

// modifyAddress changes the reverse name, or moves a floating address; a MAC of
// null detaches it.
func (s *Server) modifyAddress(c *call) (*reply, error) {
	a, err := s.needAddress(c)
	if err != nil {
		return nil, err
	}
	var r struct {
		Address struct {
			MAC    json.RawMessage `json:"mac"`
			Policy string          `json:"release_policy"`
			PTR    string          `json:"ptr_record"`
		} `json:"ip_address"`
	}
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	if len(r.Address.PTR) > maxText {
		return nil, bad("PTR_RECORD_INVALID", "The reverse name is longer than %d characters.", maxText)
	}
	if p := r.Address.Policy; p != "" && p != "keep" && p != "release" {
		return nil, bad("RELEASE_POLICY_INVALID", "The release policy %.20q is invalid.", p)
	}
	if len(r.Address.MAC) > 0 {
		if err := s.move(a, r.Address.MAC); err != nil {
			return nil, err
		}
	}
	a.ptr, a.policy = or(r.Address.PTR, a.ptr), or(r.Address.Policy, a.policy)
	return accepted(a.details()), nil
}

// move attaches a floating address to another interface, or to none.
func (s *Server) move(a *address, mac json.RawMessage) error {
	if !a.floating {
		return conflict("FLOATING_IP_NOT_AVAILABLE", "The IP address %s is no floating one.", a.text)
	}
	var text string
	if err := decode(mac, &text); err != nil {
		return err
	}
	var m *machine
	var n *nic
	if text != "" {
		var err error
		if m, n, err = s.nicOf(text); err != nil {
			return err
		}
		if m.zone.ID != a.zone {
			return conflict("ZONE_MISMATCH", "The IP address %s is in the zone %s, not in %s.", a.text, a.zone, m.zone.ID)
		}
	}
	s.detach(a)
	if n != nil {
		n.addresses = append(n.addresses, a)
		a.server, a.mac = m.uuid, n.mac
	}
	return nil
}

// detach takes an address from its interface.
func (s *Server) detach(a *address) {
	if m := s.machines[a.server]; m != nil {
		for _, n := range m.nics {
			n.addresses = slices.DeleteFunc(n.addresses, func(one *address) bool { return one == a })
		}
	}
	a.server, a.mac = "", ""
}
