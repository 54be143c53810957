package iscsi

import (
	"context"
	"net/netip"

	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// portal is where a volume is to be served: where it already is, else at a port that
// nobody has.
func (s *store) portal(ctx context.Context, v *vault.Volume, not map[string]bool) (string, error) {
	if s.targets == nil {
		return "", s.config.notServed("iSCSI", "address")
	}
	if uses := standing(v, "iscsi"); len(uses) > 0 && len(uses[0].Portals) > 0 && !not[uses[0].Portals[0]] {
		return uses[0].Portals[0], nil
	}
	taken := map[string]bool{}
	for p := range not {
		taken[p] = true
	}
	for _, at := range s.vaults {
		all, err := at.vault.List(ctx)
		if err != nil {
			return "", err
		}
		for _, other := range all {
			for _, u := range other.State.Uses {
				for _, p := range u.Portals {
					taken[p] = true
				}
			}
		}
	}
	address, err := netip.ParseAddr(s.config.Address)
	if err != nil {
		return "", sdk.Errorf(sdk.Internal, "address %q: %w", s.config.Address, err)
	}
	ports := target.Portals{Address: address, First: uint16(s.config.FirstPort), Last: uint16(s.config.LastPort)}
	return ports.Free(taken)
}
