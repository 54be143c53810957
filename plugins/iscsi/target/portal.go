package target

import (
	"net/netip"

	"github.com/mesoncloud/meson/sdk"
)

// Portals is where the daemons of one machine listen: each volume has a port of
// its own, because a port has one listener.
type Portals struct {
	// Address is one of this machine that initiators reach, IPv4 or IPv6.
	Address netip.Addr
	// First and Last are the ports that may be used, both included.
	First, Last uint16
}

// Free is a portal, address:port, that is not among taken and that nobody on
// this machine listens on now. It is the caller's by being recorded; if somebody
// was faster, Ensure says so. Exhausted if there is none.
func (p Portals) Free(taken map[string]bool) (string, error) {
	return "", sdk.Errorf(sdk.Unsupported, "not yet")
}
