package upcloud

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	ipv4 = "IPv4"
	ipv6 = "IPv6"

	accessPublic  = "public"
	accessPrivate = "private"
	accessUtility = "utility"

	// maxAddresses bounds what the emulator holds.
	maxAddresses = 50_000
	// perServer is how many public addresses of a family a server may have.
	perServer = 5
)

// address is an IP address that is in use, or a floating one that is kept.
type address struct {
	text, family, access string
	network              *network
	zone                 string
	server               string // "" for a floating address that is detached
	mac                  string
	ptr                  string
	floating             bool
	partOfPlan           bool
	policy               string // release or keep
}

// addressKey tells addresses apart: those of private networks may be the same.
func addressKey(n *network, text string) string {
	if n.kind == accessPrivate {
		return n.uuid + "/" + text
	}
	return text
}

// addAddress has the address be in use, and cost.
func (s *Server) addAddress(a *address, at time.Time) {
	s.address[addressKey(a.network, a.text)] = a
	if a.access != accessPublic {
		return
	}
	host := strings.ReplaceAll(a.text, ".", "-") + "."
	if a.family == ipv6 {
		full := netip.MustParseAddr(a.text).StringExpanded()
		host = strings.ReplaceAll(full[20:], ":", "-") + ".v6."
	}
	a.ptr = host + a.zone + ".upcloud.host"
	s.chargeAddress(a, at)
}

// chargeAddress begins what a public address costs; nothing if it is part of a
// plan, and an IPv6 address costs nothing anyway.
func (s *Server) chargeAddress(a *address, at time.Time) {
	if a.partOfPlan {
		s.meter.bill(a.text, at)
		return
	}
	name := "ipv4_address"
	if a.family == ipv6 {
		name = "ipv6_address"
	}
	zone, _ := s.zone(a.zone)
	s.meter.bill(a.text, at, Charge{Item: name, Zone: a.zone, Title: a.text, rate: itemRate(zone, name)})
}

// planAddress has the first public IPv4 address of the server be part of its
// plan, where plans have one, and all others cost by themselves.
func (s *Server) planAddress(m *machine, at time.Time) {
	part := m.plan.bundled() && m.plan.Name != customPlan
	for _, n := range m.nics {
		for _, a := range n.addresses {
			if a.access != accessPublic {
				continue
			}
			a.partOfPlan = part && a.family == ipv4 && !a.floating
			part = part && !a.partOfPlan
			s.chargeAddress(a, at)
		}
	}
}

func (s *Server) dropAddress(a *address, at time.Time) {
	delete(s.address, addressKey(a.network, a.text))
	if a.access == accessPublic {
		s.meter.bill(a.text, at)
	}
}

// addressesOf are those of a server, in the order that the service lists them
// in: utility, private, IPv6, IPv4.
func (s *Server) addressesOf(m *machine) []*address {
	var all []*address
	for _, n := range m.nics {
		all = append(all, n.addresses...)
	}
	order := func(a *address) string {
		first := map[string]string{accessUtility: "0", accessPrivate: "1", accessPublic: "2"}[a.access]
		if a.family == ipv6 {
			return first + "0"
		}
		return first + "1"
	}
	slices.SortStableFunc(all, func(a, b *address) int { return strings.Compare(order(a), order(b)) })
	return all
}

// mac is a new hardware address.
func (s *Server) mac() string {
	return fmt.Sprintf("6e:d7:1b:bf:%02x:%02x", s.identity.pick(256), s.identity.pick(256))
}
