package upcloud

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// network is a public or utility network of a zone, or a private one of the account.
type network struct {
	uuid, name, kind, zone string
	router                 string
	blocks                 []ipNetwork
	labels                 []label
	last                   map[string]netip.Addr // given out, by family: the search goes on from there
}

// ipNetwork is one address range of a network.
type ipNetwork struct {
	prefix       netip.Prefix
	text         string // as it was given
	family       string
	gateway      string
	dhcp         string
	defaultRoute string
	dns          []string
	routes       []string
	population   *routePopulation
}

// routePopulation is a setting that the emulator keeps and does not act on. Of a
// change, what is missing stays and what is empty goes.
type routePopulation struct {
	Population struct {
		Enabled             string    `json:"enabled,omitempty"`
		ExcludeBySource     *[]string `json:"exclude_by_source,omitempty"`
		FilterByDestination *[]string `json:"filter_by_destination,omitempty"`
		FilterByRouteType   *[]string `json:"filter_by_route_type,omitempty"`
	} `json:"effective_routes_auto_population"`
}

// with is p changed by what next says.
func (p *routePopulation) with(next *routePopulation) (*routePopulation, error) {
	out := *p
	to, from := &out.Population, &next.Population
	switch from.Enabled {
	case "":
	case "yes", "no":
		to.Enabled = from.Enabled
	default:
		return nil, bad("INVALID_ROUTE", "The attribute enabled of the DHCP routes has an invalid value.")
	}
	for _, l := range []struct{ from, to **[]string }{
		{&from.ExcludeBySource, &to.ExcludeBySource},
		{&from.FilterByDestination, &to.FilterByDestination},
		{&from.FilterByRouteType, &to.FilterByRouteType},
	} {
		list := *l.from
		switch {
		case list == nil:
		case len(*list) == 0:
			*l.to = nil
		case len(*list) > 100 || slices.ContainsFunc(*list, func(s string) bool { return len(s) > 64 }):
			return nil, bad("INVALID_ROUTE", "A list of the DHCP routes is too long.")
		default:
			*l.to = list
		}
	}
	return &out, nil
}

// publicNetworks are two public ranges and a utility one per zone.
func (s *Server) publicNetworks() {
	for i, z := range s.zones {
		s.publicNetwork(z, 3*i+1, accessPublic, ipv4, fmt.Sprintf("94.%d.0.0/16", 100+i))
		s.publicNetwork(z, 3*i+2, accessUtility, ipv4, fmt.Sprintf("10.%d.0.0/16", i+1))
		s.publicNetwork(z, 3*i+3, accessPublic, ipv6, fmt.Sprintf("2a04:3545:1000:%x::/64", 0x720+i))
	}
}

func (s *Server) publicNetwork(z Zone, number int, kind, family, block string) {
	prefix := netip.MustParsePrefix(block)
	b := ipNetwork{prefix: prefix, text: block, family: family, gateway: prefix.Addr().Next().String(), dhcp: "yes", defaultRoute: "yes"}
	name := "Public " + block
	switch {
	case kind == accessUtility:
		name, b.defaultRoute, b.routes = "Private "+block, "no", []string{"10.0.0.0/8"}
	case family == ipv4:
		b.dns = []string{"94.237.127.9", "94.237.40.9"}
	default:
		b.dns = []string{"2a04:3540:53::1", "2a04:3544:53::1"}
	}
	uuid := fmt.Sprintf("03000000-0000-4000-8%03d-000000000000", number)
	s.networks[uuid] = &network{uuid: uuid, name: name, kind: kind, zone: z.ID, blocks: []ipNetwork{b}}
}

// networkFor is the network that an interface of that kind and family joins,
// where the request names none.
func (s *Server) networkFor(zone, kind, family string) *network {
	for _, n := range s.sortedNetworks() {
		if n.zone == zone && n.kind == kind && n.blocks[0].family == family {
			return n
		}
	}
	return nil
}

func (s *Server) sortedNetworks() []*network {
	all := make([]*network, 0, len(s.networks))
	for _, n := range s.networks {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *network) int { return strings.Compare(a.uuid, b.uuid) })
	return all
}

// assign gives out an address of the family: the one that is wanted, or the next
// that is free, so that one that was released is not given again at once. "" if
// there is none. It is in use only once addAddress puts it into the cloud.
func (s *Server) assign(n *network, family, wanted string, others []*address) string {
	i := slices.IndexFunc(n.blocks, func(b ipNetwork) bool { return b.family == family })
	if i < 0 {
		return ""
	}
	prefix := n.blocks[i].prefix.Masked()
	free := func(a netip.Addr) bool {
		text := a.String()
		return s.address[addressKey(n, text)] == nil && !slices.ContainsFunc(others, func(o *address) bool { return o.network == n && o.text == text })
	}
	if wanted != "" {
		if a, err := netip.ParseAddr(wanted); err == nil && prefix.Contains(a) && free(a) {
			return a.String()
		}
		return ""
	}
	a := n.last[family]
	for range maxAddresses {
		if a = a.Next(); !prefix.Contains(a) {
			a = prefix.Addr().Next()
		}
		// Neither the gateway nor the last, which is for all.
		if a.String() != n.blocks[i].gateway && prefix.Contains(a.Next()) && free(a) {
			if n.last == nil {
				n.last = map[string]netip.Addr{}
			}
			n.last[family] = a
			return a.String()
		}
		if a == n.last[family] {
			break
		}
	}
	return ""
}
