package kvm

import (
	"context"
	"fmt"
	"strings"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// linksOf understands the attachments of a Create.
func (at *place) linksOf(ctx context.Context, op string, req *pb.CreateRequest) ([]link.Link, error) {
	asked := req.GetPledge().GetVolumes()
	if len(req.GetAttachments()) == 0 {
		if n := len(asked); n > 0 {
			return nil, sdk.InvalidFaults(op, []sdk.Fault{{
				Path: "attachments", Have: "none", Want: counted(n, "attachment"), Text: fmt.Sprintf("the machine is to have %s, and no way to any is given", counted(n, "volume")),
			}})
		}
		return nil, nil
	}
	host, err := at.linkHost(ctx)
	if err != nil {
		return nil, failed(op, at, err, false)
	}
	links, err := link.ReadAll(op, req.GetAttachments(), host)
	if err != nil {
		return nil, err
	}
	boots := (&order{links: links}).fromVolume()
	if fromVolume(req.GetPledge()) && !boots {
		return nil, sdk.InvalidFaults(op, []sdk.Fault{{
			Path: "attachments", Have: "no boot", Want: "boot at one of them", Text: "the offer is of a machine that boots from a volume, and no attachment is to be booted from",
		}})
	}
	return links, nil
}

// launchBy starts the machine; where a volume's server cannot be reached, by the
// other portals that it has.
func (p *Provider) launchBy(ctx context.Context, o *order) (*machine, error) {
	m, err := p.launch(ctx, o)
	for i := range o.links {
		l := &o.links[i]
		for way := 1; err != nil && way < l.Ways(); way++ {
			t, known := link.TroubleOf(textOf(err), l.ID)
			if !known || !t.Elsewhere || !strings.Contains(textOf(err), t.Text) || ctx.Err() != nil {
				break
			}
			if turned := p.turn(ctx, o, l, way); turned != nil {
				return nil, turned
			}
			m, err = p.launch(ctx, o)
		}
	}
	return m, err
}

// turn lets a disk that has not been started go by another portal.
func (p *Provider) turn(ctx context.Context, o *order, l *link.Link, way int) error {
	const op = "attach volume"
	w, err := o.at.wiring(ctx, o.uuid)
	if err != nil {
		return failed(op, o.at, err, true)
	}
	d := link.Find(w.config, l.ID)
	if d == nil || w.active {
		return nil
	}
	if err := o.at.unplugConfig(ctx, o.uuid, d.Target.Dev); err != nil {
		return failed(op, o.at, err, true)
	}
	const flags = libvirt.DOMAIN_DEVICE_MODIFY_CONFIG
	return failed(op, o.at, o.at.plugIn(ctx, o.uuid, l, link.Place{Machine: o.uuid, Target: d.Target.Dev, Way: way}, flags), true)
}
