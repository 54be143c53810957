package kvm

import (
	"context"
	"fmt"
	"strings"

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
	if sdk.BootsFromVolume(req.GetPledge()) && !boots {
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
			w, lost := o.at.wiring(ctx, o.uuid)
			d := link.Find(w.config, l.ID)
			if lost == nil && d != nil && !w.active {
				lost = o.at.turn(ctx, o.uuid, l, d, way)
			}
			if lost != nil {
				return nil, failed("attach volume", o.at, lost, true)
			}
			m, err = p.launch(ctx, o)
		}
	}
	return m, err
}
