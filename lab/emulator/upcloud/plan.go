package upcloud

import "strings"

// Plan is a size of server that is sold at a price of its own.
type Plan struct {
	Name   string
	Family string // cloud_native, developer, general_purpose, gpu, premium, starter
	Cores  int
	MiB    int
	// GiB of storage are part of the plan; 0 if the request must bring its own.
	GiB  int
	Tier string
	// Cents of the account's currency per month of 672 hours, as listed in most zones.
	Cents    int64
	GPUs     int
	GPUModel string
	// Current is false for a plan that is no longer offered, though still listed.
	Current bool
}

// bundled reports whether a disk and an IPv4 address are part of the plan, and
// whether it costs while the server is stopped.
func (p Plan) bundled() bool { return p.Family != "cloud_native" && p.Family != "gpu" }

func (p Plan) spot() bool { return strings.HasPrefix(p.Name, "GPU-SPOT-") }

// sold reports whether the zone's price list has the plan. Which zones lack
// which plans is assumed.
func sold(z Zone, p Plan) bool {
	switch {
	case !z.Public:
		return true
	case p.spot():
		return z.ID == "fi-hel2"
	case p.Family == "gpu":
		return z.ID == "fi-hel2" || z.ID == "us-chi1"
	case p.Family == "cloud_native":
		return z.ID != "us-sjo1" && z.ID != "no-svg1"
	}
	return true
}
