package upcloud

import (
	"net/http"
	"slices"
	"strconv"
)

func (s *Server) getNetworking(c *call) (*reply, error) {
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"networking": s.wireDetails(m, c.now).Networking}), nil
}

// interfaceCall reads a request about the interfaces of a stopped server.
func (s *Server) interfaceCall(c *call) (*machine, interfaceRequest, error) {
	var r struct {
		Interface interfaceRequest `json:"interface"`
	}
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, r.Interface, err
	}
	if err := decode(c.body, &r); err != nil {
		return nil, r.Interface, err
	}
	return m, r.Interface, m.in(stateStopped)
}

// nicAt is the interface that a path names.
func (m *machine) nicAt(c *call) (*nic, error) {
	index, err := strconv.Atoi(c.path("index"))
	i := slices.IndexFunc(m.nics, func(n *nic) bool { return n.index == index })
	if err != nil || i < 0 {
		return nil, fail(http.StatusNotFound, "INTERFACE_NOT_FOUND", "The server %s has no interface %.10s.", m.uuid, c.path("index"))
	}
	return m.nics[i], nil
}

func (s *Server) createInterface(c *call) (*reply, error) {
	m, r, err := s.interfaceCall(c)
	if err != nil {
		return nil, err
	}
	if len(m.nics) >= maxNICs {
		return nil, limit("SERVER_IP_LIMIT_REACHED", "A server can have %d interfaces at most.", maxNICs)
	}
	n, err := s.wantedNIC(m, r, m.nics)
	if err != nil {
		return nil, err
	}
	if err := s.admitAddresses(m, n.addresses, c); err != nil {
		return nil, err
	}
	m.nics = append(m.nics, n)
	return created(map[string]any{"interface": n.wire()}), nil
}

// admitAddresses puts new addresses of a server into the cloud, within limits
// and credits.
func (s *Server) admitAddresses(m *machine, all []*address, c *call) error {
	u := s.usage()
	have := map[string]int{}
	for _, a := range s.addressesOf(m) {
		if a.access == accessPublic {
			have[a.family]++
		}
	}
	var cost rate
	for _, a := range all {
		if a.access != accessPublic {
			continue
		}
		if have[a.family]++; have[a.family] > perServer {
			return limit("SERVER_IP_LIMIT_REACHED", "A server can have %d public %s addresses at most.", perServer, a.family)
		}
		if a.family == ipv4 {
			u.ipv4++
			cost += itemRate(m.zone, "ipv4_address")
		} else {
			u.ipv6++
		}
	}
	if err := s.within(u); err != nil {
		return err
	}
	if len(s.address) >= maxAddresses {
		return conflict("IP_ADDRESS_RESOURCES_UNAVAILABLE", "The emulator holds %d addresses at most.", maxAddresses)
	}
	if err := s.pays(cost, c.now); err != nil {
		return err
	}
	for _, a := range all {
		s.addAddress(a, c.now)
	}
	return nil
}

// modifyInterface changes what needs no new address.
func (s *Server) modifyInterface(c *call) (*reply, error) {
	m, r, err := s.interfaceCall(c)
	if err != nil {
		return nil, err
	}
	n, err := m.nicAt(c)
	if err != nil {
		return nil, err
	}
	if index := int(r.Index); index != 0 && index != n.index {
		if index < 0 || index > maxNICs {
			return nil, bad("INDEX_INVALID", "The interface index %d is invalid.", index)
		}
		if indexed(m.nics, index) {
			return nil, conflict("INTERFACE_EXISTS", "The interface index %d is already in use.", index)
		}
		n.index = index
	}
	if !r.Bootable.is("", "yes", "no") || !r.SourceIPFiltering.is("", "yes", "no") {
		return nil, bad("REQUEST_INVALID", "The attribute bootable or source_ip_filtering has an invalid value.")
	}
	n.bootable, n.filtering = r.Bootable.or(n.bootable), r.SourceIPFiltering.or(n.filtering)
	return ok(map[string]any{"interface": n.wire()}), nil
}

func (s *Server) deleteInterface(c *call) (*reply, error) {
	m, _, err := s.interfaceCall(c)
	if err != nil {
		return nil, err
	}
	n, err := m.nicAt(c)
	if err != nil {
		return nil, err
	}
	for _, a := range n.addresses {
		s.release(a, c.now)
	}
	m.nics = slices.DeleteFunc(m.nics, func(one *nic) bool { return one == n })
	return noContent(), nil
}
