package upcloud

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// networkRequest is what creates or changes a network. A router is kept as it
// is given, null is none; there are no routers.
type networkRequest struct {
	Network struct {
		IPNetworks struct {
			IPNetwork []ipNetworkRequest `json:"ip_network"`
		} `json:"ip_networks"`
		Labels *[]label        `json:"labels"`
		Name   string          `json:"name"`
		Router json.RawMessage `json:"router"`
		Zone   string          `json:"zone"`
	} `json:"network"`
}

type ipNetworkRequest struct {
	Address          string           `json:"address"`
	DHCP             word             `json:"dhcp"`
	DHCPDefaultRoute word             `json:"dhcp_default_route"`
	DHCPDNS          *[]string        `json:"dhcp_dns"`
	DHCPRoutes       *[]string        `json:"dhcp_routes"`
	Family           string           `json:"family"`
	Gateway          string           `json:"gateway"`
	Configuration    *routePopulation `json:"dhcp_routes_configuration"`
}

// apply has the block be what the request wants of it.
func (r ipNetworkRequest) apply(b *ipNetwork) error {
	if r.Address != "" {
		prefix, err := netip.ParsePrefix(r.Address)
		if err != nil {
			return bad("ADDRESS_INVALID", "The address %.60q is no IP network.", r.Address)
		}
		b.prefix, b.text, b.gateway = prefix, r.Address, prefix.Masked().Addr().Next().String()
		if b.family = ipv4; prefix.Addr().Is6() {
			b.family = ipv6
		}
	}
	if r.Gateway != "" {
		a, err := netip.ParseAddr(r.Gateway)
		if err != nil || !b.prefix.Contains(a) {
			return bad("GATEWAY_INVALID", "The gateway %.60q is not in the network.", r.Gateway)
		}
		b.gateway = a.String()
	}
	if r.Family != "" && r.Family != b.family {
		return bad("ADDRESS_INVALID", "The address %s is not of the family %.10q.", b.text, r.Family)
	}
	if !r.DHCP.is("", "yes", "no") || !r.DHCPDefaultRoute.is("", "yes", "no") {
		return bad("DHCP_INVALID", "The attribute dhcp or dhcp_default_route has an invalid value.")
	}
	b.dhcp, b.defaultRoute = r.DHCP.or(b.dhcp), r.DHCPDefaultRoute.or(b.defaultRoute)
	for _, l := range []struct {
		from *[]string
		to   *[]string
	}{{r.DHCPDNS, &b.dns}, {r.DHCPRoutes, &b.routes}} {
		if l.from == nil {
			continue
		}
		if len(*l.from) > 100 || slices.ContainsFunc(*l.from, func(s string) bool { return len(s) > 64 }) {
			return bad("INVALID_ROUTE", "The list of routes or name servers is too long.")
		}
		*l.to = *l.from
	}
	if r.Configuration == nil {
		return nil
	}
	var err error
	b.population, err = b.population.with(r.Configuration)
	return err
}

func (s *Server) createNetwork(c *call) (*reply, error) {
	var r networkRequest
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	zone, err := s.needZone(r.Network.Zone)
	if err != nil {
		return nil, err
	}
	private := 0
	for _, n := range s.networks {
		if n.kind == accessPrivate {
			private++
		}
	}
	if private >= min(s.account.Limits.Networks, maxObjects) {
		return nil, limit("NETWORK_LIMIT_REACHED", "The limit of %d networks has been reached.", s.account.Limits.Networks)
	}
	if len(r.Network.IPNetworks.IPNetwork) != 1 {
		return nil, bad("NETWORK_INVALID", "A network needs exactly one ip_network.")
	}
	if r.Network.Name == "" {
		return nil, bad("NETWORK_NAME_MISSING", "The required attribute name is missing from the request.")
	}
	n := &network{uuid: s.identity.uuid(idNetwork), kind: accessPrivate, zone: zone.ID}
	b := ipNetwork{dhcp: "no", defaultRoute: "no", population: &routePopulation{}}
	b.population.Population.Enabled = "no"
	w := r.Network.IPNetworks.IPNetwork[0]
	if w.Address == "" {
		return nil, bad("ADDRESS_MISSING", "The required attribute address is missing from the request.")
	}
	if err := w.apply(&b); err != nil {
		return nil, err
	}
	n.blocks = []ipNetwork{b}
	if err := n.rename(&r); err != nil {
		return nil, err
	}
	s.networks[n.uuid] = n
	return created(s.networkDetails(n)), nil
}

// rename takes name, labels and router of a request.
func (n *network) rename(r *networkRequest) error {
	if len(r.Network.Name) > maxText {
		return bad("NETWORK_NAME_INVALID", "The name is longer than %d characters.", maxText)
	}
	if r.Network.Labels != nil {
		if err := checkLabels(*r.Network.Labels); err != nil {
			return err
		}
		n.labels = *r.Network.Labels
	}
	if len(r.Network.Router) > 0 {
		var router string
		if err := decode(r.Network.Router, &router); err != nil || router != "" && !isUUID(router) {
			return fail(http.StatusNotFound, "ROUTER_NOT_FOUND", "The router does not exist.")
		}
		n.router = router
	}
	n.name = or(r.Network.Name, n.name)
	return nil
}

func (s *Server) needNetwork(uuid string) (*network, error) {
	n := s.networks[uuid]
	if n == nil {
		return nil, fail(http.StatusNotFound, "NETWORK_NOT_FOUND", "The network %.40s does not exist.", uuid)
	}
	return n, nil
}

func (s *Server) ownNetwork(uuid string) (*network, error) {
	n, err := s.needNetwork(uuid)
	if err == nil && n.kind != accessPrivate {
		return nil, fail(http.StatusForbidden, "NETWORK_FORBIDDEN", "The network %s is owned by another account.", uuid)
	}
	return n, err
}

func (s *Server) getNetwork(c *call) (*reply, error) {
	n, err := s.needNetwork(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	return ok(s.networkDetails(n)), nil
}

func (s *Server) modifyNetwork(c *call) (*reply, error) {
	n, err := s.ownNetwork(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	var r networkRequest
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	b := n.blocks[0]
	if w := r.Network.IPNetworks.IPNetwork; len(w) > 0 {
		if w[0].Address != "" && w[0].Address != b.text && len(s.serversIn(n)) > 0 {
			return nil, conflict("NETWORK_NOT_EMPTY", "The network %s is in use.", n.uuid)
		}
		if err := w[0].apply(&b); err != nil {
			return nil, err
		}
	}
	if err := n.rename(&r); err != nil {
		return nil, err
	}
	n.blocks[0] = b
	return ok(s.networkDetails(n)), nil
}

func (s *Server) deleteNetwork(c *call) (*reply, error) {
	n, err := s.ownNetwork(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	if len(s.serversIn(n)) > 0 {
		return nil, conflict("NETWORK_NOT_EMPTY", "The network %s is in use.", n.uuid)
	}
	delete(s.networks, n.uuid)
	return noContent(), nil
}

// serversIn are the servers with an interface in the network, by UUID.
func (s *Server) serversIn(n *network) []*machine {
	var all []*machine
	for _, m := range s.machines {
		if slices.ContainsFunc(m.nics, func(one *nic) bool { return one.network == n }) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *machine) int { return strings.Compare(a.uuid, b.uuid) })
	return all
}
