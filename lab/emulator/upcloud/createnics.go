package upcloud

import "net/http"

// defaultInterfaces are those of a server that asks for none by name.
func defaultInterfaces() []interfaceRequest {
	var all []interfaceRequest
	for _, kind := range []string{accessPublic, accessUtility, accessPublic} {
		family := ipv4
		if len(all) == 2 {
			family = ipv6
		}
		one := interfaceRequest{Type: kind}
		one.IPAddresses.IPAddress = append(one.IPAddresses.IPAddress, struct {
			Address string `json:"address"`
			Family  string `json:"family"`
		}{Family: family})
		all = append(all, one)
	}
	return all
}

const maxNICs = 24

// wantedNICs makes the interfaces of a new server. Their addresses are in the
// cloud only once addAddress puts them there.
func (s *Server) wantedNICs(m *machine, wanted []interfaceRequest) ([]*nic, error) {
	if len(wanted) > maxNICs {
		return nil, fail(http.StatusForbidden, "SERVER_IP_LIMIT_REACHED", "A server can have %d interfaces at most.", maxNICs)
	}
	var all []*nic
	public := map[string]int{}
	for _, w := range wanted {
		n, err := s.wantedNIC(m, w, all)
		if err != nil {
			return nil, err
		}
		for _, a := range n.addresses {
			if a.access != accessPublic {
				continue
			}
			if public[a.family]++; public[a.family] > perServer {
				return nil, fail(http.StatusForbidden, "SERVER_IP_LIMIT_REACHED", "A server can have %d public %s addresses at most.", perServer, a.family)
			}
			a.partOfPlan = a.family == ipv4 && public[ipv4] == 1 && m.plan.bundled() && m.plan.Name != customPlan
		}
		all = append(all, n)
	}
	return all, nil
}

// wantedNIC makes one interface of a server that has others.
func (s *Server) wantedNIC(m *machine, w interfaceRequest, others []*nic) (*nic, error) {
	n := &nic{kind: w.Type, mac: s.mac(), index: int(w.Index), bootable: w.Bootable.or("no"), filtering: w.SourceIPFiltering.or("yes")}
	for free := 1; n.index == 0; free++ {
		if !indexed(others, free) {
			n.index = free
		}
	}
	switch {
	case w.Index != 0 && indexed(others, n.index):
		return nil, conflict("INTERFACE_EXISTS", "The interface index %d is already in use.", n.index)
	case n.index < 0 || n.index > maxNICs:
		return nil, bad("INDEX_INVALID", "The interface index %d is invalid.", n.index)
	case w.Type != accessPublic && w.Type != accessPrivate && w.Type != accessUtility:
		return nil, bad("NETWORK_TYPE_INVALID", "The interface type %.40q is invalid.", w.Type)
	case w.Type == accessPrivate && w.Network == "":
		return nil, bad("NETWORK_INVALID", "A private interface needs a network.")
	case len(w.IPAddresses.IPAddress) > perServer:
		return nil, fail(http.StatusForbidden, "SERVER_IP_LIMIT_REACHED", "An interface can have %d addresses at most.", perServer)
	}
	if w.Network != "" {
		if n.network = s.networks[w.Network]; n.network == nil || n.network.kind != w.Type {
			return nil, fail(404, "NETWORK_NOT_FOUND", "The network %.40s does not exist.", w.Network)
		}
		if n.network.zone != m.zone.ID {
			return nil, conflict("ZONE_MISMATCH", "The network %s is in the zone %s, not in %s.", w.Network, n.network.zone, m.zone.ID)
		}
	}
	var taken []*address
	for _, o := range others {
		taken = append(taken, o.addresses...)
	}
	for _, ip := range w.IPAddresses.IPAddress {
		family := or(ip.Family, ipv4)
		if n.network == nil {
			n.network = s.networkFor(m.zone.ID, w.Type, family)
		}
		if n.network == nil {
			return nil, bad("IP_ADDRESS_INVALID", "The interface type %s has no addresses of the family %.10q.", w.Type, family)
		}
		text := s.assign(n.network, family, ip.Address, taken)
		if text == "" {
			return nil, conflict("IP_ADDRESS_RESOURCES_UNAVAILABLE", "The network %s has no %.10s address to give.", n.network.uuid, family)
		}
		a := &address{
			text: text, family: family, access: w.Type, network: n.network, zone: m.zone.ID, server: m.uuid, mac: n.mac, policy: "release",
		}
		n.addresses, taken = append(n.addresses, a), append(taken, a)
	}
	if n.network == nil {
		n.network = s.networkFor(m.zone.ID, w.Type, ipv4)
	}
	return n, nil
}

func indexed(all []*nic, index int) bool {
	for _, n := range all {
		if n.index == index {
			return true
		}
	}
	return false
}
