package kvm

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// List sends the broker's machines of every host that answers, and ends with
// Unavailable where one did not: what is missing then is not known to be gone.
func (p *Provider) List(ctx context.Context, req *pb.ListRequest, send func(*pb.Instance) error) error {
	limited, cancel := patient(ctx)
	defer cancel()
	var mu sync.Mutex
	var refusal error
	errs := everywhere(p.places, func(_ int, at *place) error {
		machines, err := at.machinesOf(limited, req.GetBroker())
		if err != nil {
			return err
		}
		for _, m := range machines {
			in := p.instance(limited, m)
			mu.Lock()
			if refusal == nil {
				refusal = send(in)
			}
			mu.Unlock()
		}
		return nil
	})
	if refusal != nil {
		return refusal
	}
	var silent []string
	for i, err := range errs {
		if err != nil {
			silent = append(silent, fmt.Sprintf("%s (%s)", p.places[i].Zone, cause(err)))
		}
	}
	if len(silent) > 0 {
		return &sdk.Error{
			Kind: sdk.Unavailable, Op: "list machines", Source: sdk.SourceProvider,
			Text: "not asked: " + strings.Join(silent, ", "),
		}
	}
	return nil
}

// machinesOf reads the machines of one broker from a host.
func (at *place) machinesOf(ctx context.Context, broker string) ([]*machine, error) {
	doms, err := at.host.DomainsNow(ctx)
	if err != nil {
		return nil, err
	}
	var out []*machine
	for _, d := range doms {
		// Most domains of a busy host are somebody else's: a look at the text
		// saves reading them.
		if !strings.Contains(d.XML, inventory.Namespace) {
			continue
		}
		m, err := parseMachine(at, d.XML)
		if err != nil || m == nil || m.claim.Broker != broker {
			continue
		}
		m, err = at.read(ctx, d.UUID)
		if hosts.Is(err, libvirt.ERR_NO_DOMAIN) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}
