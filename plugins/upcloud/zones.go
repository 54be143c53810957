package upcloud

import (
	"fmt"
	"slices"
	"strings"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"

	"github.com/mesoncloud/meson/sdk/pb"
)

// choose gives the zones to offer, in order, and why the others are not: those of
// the configuration, else all public ones, as far as the account sees them and
// they have a price.
func (c *Config) choose(zones []upcloud.Zone, tags *prices) (names []string, leftOut []*pb.Reason) {
	out := func(zone, have, text string) {
		leftOut = append(leftOut, &pb.Reason{Candidate: zone, Field: "zone", Want: "a zone to offer", Have: have, Text: text})
	}
	seen := map[string]bool{}
	for _, z := range zones {
		public := z.Public.Bool()
		asked := slices.Contains(c.Zones, z.ID)
		switch {
		case !zoneText.MatchString(z.ID) || seen[z.ID]:
			continue
		case len(c.Zones) > 0 && !asked:
			seen[z.ID] = true
			continue // the configuration says so
		}
		seen[z.ID] = true
		switch priced := sells(tags.zones[z.ID]); {
		case priced == notListed:
			out(z.ID, "no prices", z.ID+": the price list does not have this zone")
		case priced == forNothing:
			out(z.ID, "prices of zero", z.ID+": every price is zero, so this zone is not for sale")
		case !public && !asked:
			out(z.ID, "a private zone", z.ID+" is a private zone: it is offered if zones in the provider's settings names it")
		default:
			names = append(names, z.ID)
		}
	}
	slices.Sort(names)
	for _, z := range c.Zones {
		if !seen[z] {
			out(z, "no such zone", fmt.Sprintf("%s: the account sees no such zone, but %s", z, ids(zones)))
		}
	}
	return names, leftOut
}

func ids(zones []upcloud.Zone) string {
	var names []string
	for _, z := range zones[:min(len(zones), 50)] {
		names = append(names, z.ID)
	}
	if len(names) == 0 {
		return "none at all"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// saleable is what a price list says of a zone.
type saleable int

const (
	notListed saleable = iota
	forNothing
	priced
)

func sells(items map[string]tag) saleable {
	said := notListed
	for item, t := range items {
		if !strings.HasPrefix(item, "server_") {
			continue
		}
		if !t.isZero() {
			return priced
		}
		said = forNothing
	}
	return said
}
