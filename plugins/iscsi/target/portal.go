package target

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/mesoncloud/meson/sdk"
)

// Portals is where the daemons of one machine listen: each volume has a port of
// its own, because a port has one listener.
type Portals struct {
	// Address is one of this machine that initiators reach, IPv4 or IPv6.
	Address netip.Addr
	// First and Last are the ports that may be used, both included. They had
	// better lie outside of those that the machine gives to its own connections,
	// 32768 to 60999 on Linux.
	First, Last uint16
}

// Free is a portal, address:port, that is not among taken and that nobody on
// this machine listens on now. It is the caller's by being recorded; if somebody
// was faster, Ensure says so. Exhausted if there is none.
func (p Portals) Free(taken map[string]bool) (string, error) {
	if !p.Address.IsValid() || p.First == 0 || p.Last < p.First {
		return "", sdk.InvalidFaults("choose a portal", []sdk.Fault{{
			Path: "portals", Have: fmt.Sprintf("%s, ports %d to %d", p.Address, p.First, p.Last), Want: "an address and a range of ports",
		}})
	}
	var last error
	for port := int(p.First); port <= int(p.Last); port++ {
		at := netip.AddrPortFrom(p.Address, uint16(port)).String()
		if taken[at] {
			continue
		}
		l, err := net.Listen("tcp", at)
		if err != nil {
			last = err
			continue
		}
		_ = l.Close()
		return at, nil
	}
	return "", &sdk.Error{
		Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: "choose a portal", Source: sdk.SourcePlugin, Err: last,
		Text: fmt.Sprintf("no port of %d to %d on %s is free", p.First, p.Last, p.Address),
		Hint: "widen the range of ports: each volume that is served needs one",
	}
}
