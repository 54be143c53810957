package upcloud

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// wireAddress is an address by itself. A floating one that is detached has
// neither server nor MAC.
type wireAddress struct {
	Access     string `json:"access"`
	Address    string `json:"address"`
	Family     string `json:"family"`
	Floating   string `json:"floating,omitempty"`
	MAC        string `json:"mac,omitempty"`
	PartOfPlan string `json:"part_of_plan,omitempty"`
	PTRRecord  string `json:"ptr_record"`
	Server     string `json:"server,omitempty"`
	Zone       string `json:"zone"`
}

func (a *address) wire() wireAddress {
	w := wireAddress{
		Access: a.access, Address: a.text, Family: a.family, MAC: a.mac, PartOfPlan: partOfPlan(a.partOfPlan), PTRRecord: a.ptr,
		Server: a.server, Zone: a.zone,
	}
	if a.floating {
		w.Floating = "yes"
	}
	return w
}

func (a *address) details() any { return map[string]any{"ip_address": a.wire()} }

func (s *Server) listAddresses(*call) (*reply, error) {
	type list struct {
		IPAddresses struct {
			IPAddress []wireAddress `json:"ip_address"`
		} `json:"ip_addresses"`
	}
	w := list{}
	w.IPAddresses.IPAddress = []wireAddress{}
	for _, a := range s.address {
		w.IPAddresses.IPAddress = append(w.IPAddresses.IPAddress, a.wire())
	}
	slices.SortFunc(w.IPAddresses.IPAddress, func(a, b wireAddress) int {
		return strings.Compare(a.Access+a.Address+a.Server, b.Access+b.Address+b.Server)
	})
	return ok(w), nil
}

// needAddress is the address of a path; private networks may share one, and then
// it is the first.
func (s *Server) needAddress(c *call) (*address, error) {
	text := c.path("address")
	parsed, err := netip.ParseAddr(text)
	if err != nil {
		return nil, bad("IP_ADDRESS_INVALID", "The IP address is invalid.")
	}
	if a := s.address[parsed.String()]; a != nil {
		return a, nil
	}
	for _, n := range s.sortedNetworks() {
		if a := s.address[n.uuid+"/"+parsed.String()]; a != nil {
			return a, nil
		}
	}
	return nil, fail(http.StatusNotFound, "IP_ADDRESS_NOT_FOUND", "The IP address %s does not exist.", parsed)
}

func (s *Server) getAddress(c *call) (*reply, error) {
	a, err := s.needAddress(c)
	if err != nil {
		return nil, err
	}
	return ok(a.details()), nil
}

// createAddress gives a server another public address, on an interface of its
// own, or makes a floating one, at an interface or at none.
func (s *Server) createAddress(c *call) (*reply, error) {
	var r struct {
		Address struct {
			Access   string `json:"access"`
			Family   string `json:"family"`
			Floating word   `json:"floating"`
			MAC      string `json:"mac"`
			Policy   string `json:"release_policy"`
			Server   string `json:"server"`
			Zone     string `json:"zone"`
		} `json:"ip_address"`
	}
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	q := &r.Address
	family := or(q.Family, ipv4)
	switch {
	case q.Access != "" && q.Access != accessPublic:
		return nil, bad("IP_ADDRESS_INVALID", "Only public addresses can be assigned.")
	case family != ipv4 && family != ipv6:
		return nil, bad("IP_ADDRESS_INVALID", "The family %.10q is invalid.", family)
	}
	var m *machine
	var n *nic
	var err error
	switch {
	case q.MAC != "":
		if m, n, err = s.nicOf(q.MAC); err != nil {
			return nil, err
		}
	case q.Server != "":
		if m, err = s.needServer(q.Server); err != nil {
			return nil, err
		}
	case q.Floating != "yes":
		return nil, bad("SERVER_MISSING", "The required attribute server is missing from the request.")
	default:
		z, err := s.needZone(q.Zone)
		if err != nil {
			return nil, err
		}
		m = &machine{zone: z} // only for its zone and for having no addresses
	}
	net := s.networkFor(m.zone.ID, accessPublic, family)
	text := s.assign(net, family, "", nil)
	if text == "" {
		return nil, conflict("IP_ADDRESS_RESOURCES_UNAVAILABLE", "There is no %s address to give.", family)
	}
	a := &address{
		text: text, family: family, access: accessPublic, network: net, zone: m.zone.ID, server: m.uuid, floating: q.Floating == "yes",
		policy: or(q.Policy, "release"),
	}
	if n == nil && m.uuid != "" {
		if len(m.nics) >= maxNICs {
			return nil, limit("SERVER_IP_LIMIT_REACHED", "A server can have %d interfaces at most.", maxNICs)
		}
		n = &nic{kind: accessPublic, network: net, mac: s.mac(), bootable: "no", filtering: "yes", index: 1}
		for indexed(m.nics, n.index) {
			n.index++
		}
	}
	if n != nil {
		a.mac = n.mac
	}
	if err := s.admitAddresses(m, []*address{a}, c); err != nil {
		return nil, err
	}
	if n != nil {
		n.addresses = append(n.addresses, a)
		if !slices.Contains(m.nics, n) {
			m.nics = append(m.nics, n)
		}
	}
	return created(a.details()), nil
}

// nicOf is the interface with a hardware address.
func (s *Server) nicOf(mac string) (*machine, *nic, error) {
	for _, m := range s.machines {
		for _, n := range m.nics {
			if n.mac == mac {
				return m, n, nil
			}
		}
	}
	return nil, nil, fail(http.StatusNotFound, "INTERFACE_NOT_FOUND", "There is no interface with the MAC address %.20q.", mac)
}

func (s *Server) deleteAddress(c *call) (*reply, error) {
	a, err := s.needAddress(c)
	if err != nil {
		return nil, err
	}
	if a.access != accessPublic {
		return nil, fail(http.StatusForbidden, "CANNOT_DELETE_PRIVATE_ADDRESS", "The IP address %s cannot be released by itself.", a.text)
	}
	s.detach(a)
	s.dropAddress(a, c.now)
	return noContent(), nil
}
