package upcloud

// wireNetwork is a network. Only a private one has routes of its own, and only
// one in use has servers.
type wireNetwork struct {
	EffectiveRoutes *[]any `json:"effective_routes,omitempty"`
	IPNetworks      struct {
		IPNetwork []wireIPNetwork `json:"ip_network"`
	} `json:"ip_networks"`
	Labels  []label             `json:"labels"`
	Name    string              `json:"name"`
	Router  string              `json:"router,omitempty"`
	Servers *wireNetworkServers `json:"servers,omitempty"`
	Type    string              `json:"type"`
	UUID    string              `json:"uuid"`
	Zone    string              `json:"zone"`
}

type wireNetworkServers struct {
	Server []wireNetworkServer `json:"server"`
}

type wireNetworkServer struct {
	Title string `json:"title"`
	UUID  string `json:"uuid"`
}

type wireIPNetwork struct {
	Address          string           `json:"address"`
	DHCP             string           `json:"dhcp"`
	DHCPDefaultRoute string           `json:"dhcp_default_route"`
	DHCPDNS          []string         `json:"dhcp_dns,omitempty"`
	EffectiveRoutes  *[]any           `json:"dhcp_effective_routes,omitempty"`
	DHCPRoutes       []string         `json:"dhcp_routes,omitempty"`
	Configuration    *routePopulation `json:"dhcp_routes_configuration,omitempty"`
	Family           string           `json:"family"`
	Gateway          string           `json:"gateway"`
}

func (s *Server) wireNetwork(n *network) wireNetwork {
	w := wireNetwork{Labels: []label{}, Name: n.name, Router: n.router, Type: n.kind, UUID: n.uuid, Zone: n.zone}
	w.Labels = append(w.Labels, n.labels...)
	for _, b := range n.blocks {
		one := wireIPNetwork{
			Address: b.text, DHCP: b.dhcp, DHCPDefaultRoute: b.defaultRoute, DHCPDNS: b.dns, DHCPRoutes: b.routes, Configuration: b.population,
			Family: b.family, Gateway: b.gateway,
		}
		if n.kind == accessPrivate {
			one.EffectiveRoutes = &[]any{}
		}
		w.IPNetworks.IPNetwork = append(w.IPNetworks.IPNetwork, one)
	}
	if n.kind == accessPrivate {
		w.EffectiveRoutes = &[]any{}
	}
	if in := s.serversIn(n); len(in) > 0 {
		w.Servers = &wireNetworkServers{}
		for _, m := range in {
			w.Servers.Server = append(w.Servers.Server, wireNetworkServer{m.title, m.uuid})
		}
	}
	return w
}

func (s *Server) networkDetails(n *network) any {
	return map[string]any{"network": s.wireNetwork(n)}
}

func (s *Server) listNetworks(c *call) (*reply, error) {
	type list struct {
		Networks struct {
			Network []wireNetwork `json:"network"`
		} `json:"networks"`
	}
	w := list{}
	w.Networks.Network = []wireNetwork{}
	for _, n := range s.sortedNetworks() {
		if zone := c.query.Get("zone"); zone != "" && n.zone != zone || !labelled(n.labels, c.query) {
			continue
		}
		w.Networks.Network = append(w.Networks.Network, s.wireNetwork(n))
	}
	return ok(w), nil
}
