package sdk

import (
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Unreachable says why a consumer does not reach a volume by an exposure, as one
// clause for people; empty: it does.
func Unreachable(e *pb.Exposure, c *pb.Consumer) string {
	switch {
	case !slices.Contains(c.GetKinds(), e.GetKind()):
		return "the machine takes no " + KindName(e.GetKind())
	case e.GetHost() != "" && e.GetHost() != c.GetHost():
		return KindName(e.GetKind()) + " is on host " + e.GetHost() + " alone"
	case e.GetNetwork() != "" && !slices.Contains(c.GetNetworks(), e.GetNetwork()):
		return "the machine's host is not on the network " + e.GetNetwork()
	case e.GetProvider() != "" && e.GetProvider() != c.GetProvider():
		return "only machines of " + e.GetProvider() + " reach it"
	case e.GetZone() != "" && e.GetZone() != c.GetZone():
		return "only machines in " + e.GetZone() + " reach it"
	case e.GetKind() == pb.ConnectionKind_CONNECTION_KIND_NFS && !c.GetGuestMounts():
		return "nobody tells the machine what to mount"
	}
	return ""
}

// Reach is the best exposure, the one of the lowest rank, by which a consumer
// reaches a volume in one of the allowed ways; any way where none is named. Nil:
// it does not, and why says so of each.
func Reach(all []*pb.Exposure, c *pb.Consumer, allowed []pb.ConnectionKind) (best *pb.Exposure, why []string) {
	for _, e := range all {
		no := Unreachable(e, c)
		if no == "" && len(allowed) > 0 && !slices.Contains(allowed, e.GetKind()) {
			no = KindName(e.GetKind()) + " was not asked for"
		}
		if no != "" {
			why = append(why, no)
			continue
		}
		if best == nil || e.GetRank() < best.GetRank() {
			best = e
		}
	}
	return best, why
}

// KindName is a way to reach a volume in one word, such as iscsi.
func KindName(k pb.ConnectionKind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "CONNECTION_KIND_"))
}

// KindNamed is the way of a name, false where there is none.
func KindNamed(name string) (pb.ConnectionKind, bool) {
	k, ok := pb.ConnectionKind_value["CONNECTION_KIND_"+strings.ToUpper(name)]
	return pb.ConnectionKind(k), ok && k != 0
}
