package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/mesoncloud/meson/sdk"
)

// settle makes a daemon have these targets and no others, and then listen.
func (h *Host) settle(ctx context.Context, c *control, v *Volume, path string) error {
	listed, err := c.targets(ctx)
	if err != nil {
		return unavailable(opEnsure, v.Key, err)
	}
	wanted := map[int32]*Target{}
	for i := range v.Targets {
		wanted[number(v.Targets[i].IQN)] = &v.Targets[i]
	}
	for _, t := range listed {
		if wanted[t.tid] == nil {
			if err := h.fence(ctx, c, t.tid, t.rules, t.accounts); err != nil {
				return unavailable(opEnsure, v.Key, err)
			}
			h.log.InfoContext(ctx, "a target that is on no record was ended", "volume", v.Key, "iqn", t.name)
		}
	}
	have, err := c.portals(ctx)
	if err != nil {
		return unavailable(opEnsure, v.Key, err)
	}
	for _, portal := range have {
		if !slices.Contains(v.Portals, portal) {
			if err := c.unlisten(ctx, portal); err != nil {
				return unavailable(opEnsure, v.Key, err)
			}
		}
	}
	for i := range v.Targets {
		if err := h.settleTarget(ctx, c, v, &v.Targets[i], listed, path); err != nil {
			return unavailable(opEnsure, v.Key, err)
		}
	}
	for _, portal := range v.Portals {
		if slices.Contains(have, portal) {
			continue
		}
		if err := c.listen(ctx, portal); err != nil {
			return portalError(v.Key, portal, err)
		}
	}
	return nil
}

// settleTarget leaves a target that is as it must be alone, and makes any other
// anew: one that is not whole has admitted nobody.
func (h *Host) settleTarget(ctx context.Context, c *control, v *Volume, t *Target, listed []shown, path string) error {
	tid, there := number(t.IQN), false
	for i := range listed {
		if listed[i].tid != tid {
			continue
		}
		there = true
		if listed[i].is(t, path, !v.NoUnmap) {
			return nil
		}
	}
	if there {
		if err := h.fence(ctx, c, tid, []string{t.Initiator}, []string{t.User}); err != nil {
			return err
		}
	}
	if err := c.create(ctx, *t, path, v.serial(), !v.NoUnmap); err != nil {
		return fmt.Errorf("target %s: %w", t.IQN, err)
	}
	return nil
}

// is reports whether a target is whole and as recorded.
func (t *shown) is(want *Target, path string, unmaps bool) bool {
	u := t.unit()
	return t.name == want.IQN && t.state == "ready" && u != nil && u.path == path && u.store == "rdwr" && u.online && u.readOnly == want.ReadOnly && u.unmaps == unmaps &&
		slices.Equal(t.accounts, []string{want.User}) && slices.Equal(t.rules, []string{want.Initiator})
}

func (v *Volume) serial() string {
	if v.Serial != "" {
		return v.Serial
	}
	return v.Key[:min(len(v.Key), maxSerial)]
}

// portalError says why a portal is not listened on, which tgtd does not.
func portalError(key, portal string, err error) error {
	e := &sdk.Error{Kind: sdk.Unavailable, Op: "listen on " + portal, Subject: "volume " + key, Source: sdk.SourcePlugin, Err: err}
	l, probe := net.Listen("tcp", portal)
	switch {
	case probe == nil:
		_ = l.Close()
	case errors.Is(probe, syscall.EADDRINUSE):
		e.Kind, e.Code, e.Err = sdk.Conflict, PortalTaken, nil
		e.Text = "another process listens there"
		e.Hint = "give the volume another port"
	case errors.Is(probe, syscall.EADDRNOTAVAIL):
		e.Text, e.Err = "this machine has no such address", nil
		e.Hint = "correct the portal's address, or give the machine that address"
	default:
		e.Err = probe
	}
	return e
}
