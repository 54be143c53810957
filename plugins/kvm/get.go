package kvm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// ref names a machine as a caller does: by id, or by the broker and key that
// its id follows from.
type ref struct {
	uuid        string
	broker, key string
	zone        string
}

func refOf(owner *pb.Owner, id, zone string) ref {
	r := ref{uuid: id, broker: owner.GetBroker(), zone: zone}
	if owner.GetKey() != "" {
		r.uuid, r.key = machineUUID(owner.GetBroker(), owner.GetKey()), owner.GetKey()
	}
	return r
}

// of reports whether a machine is the caller's.
func (r ref) of(m *machine) bool {
	return (r.broker == "" || r.broker == m.claim.Broker) && (r.key == "" || r.key == m.claim.Key)
}

// Get finds a machine on its host, or on all of them.
func (p *Provider) Get(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	m, err := p.find(ctx, refOf(req.GetOwner(), req.GetId(), req.GetZone()))
	if err != nil {
		return nil, err
	}
	return p.instance(ctx, m), nil
}

// find looks in the zone that the caller names, then everywhere else at once.
// NotFound is certain: every host was asked, or the one of the zone was; and the
// zone is a host of the settings, or one that they say is gone.
func (p *Provider) find(ctx context.Context, r ref) (*machine, error) {
	const op = "find machine"
	absent := &sdk.Error{Kind: sdk.NotFound, Op: op, Subject: r.uuid, Text: "no host has it"}
	if !isUUID(r.uuid) {
		return nil, absent
	}
	others, hinted := p.places, false
	if at := p.byZone[r.zone]; at != nil {
		m, err := at.lookup(ctx, r)
		if err != nil {
			return nil, failed(op, at, err, false)
		}
		if m != nil {
			return m, nil
		}
		hinted = true
		others = nil
		for _, other := range p.places {
			if other != at {
				others = append(others, other)
			}
		}
	}
	limited, cancel := patient(ctx)
	defer cancel()
	found := make([]*machine, len(others))
	errs := everywhere(others, func(i int, at *place) (err error) {
		found[i], err = at.lookup(limited, r)
		return err
	})
	var silent []string
	for i, m := range found {
		switch {
		case m != nil:
			return m, nil
		case errs[i] != nil:
			silent = append(silent, others[i].Zone)
		}
	}
	if len(silent) > 0 && !hinted {
		return nil, &sdk.Error{
			Kind: sdk.Unavailable, Op: op, Subject: r.uuid, Source: sdk.SourceProvider,
			Text: fmt.Sprintf("not on the hosts that answer; %s cannot be asked", strings.Join(silent, ", ")),
		}
	}
	if err := p.strange(op, r); err != nil {
		return nil, err
	}
	return nil, absent
}

// strange is the error about a machine that is on no host that was asked, where
// the one that it was on is not in the settings: whether it is still there
// nobody can tell. Nil otherwise.
func (p *Provider) strange(op string, r ref) error {
	if r.zone == "" || p.byZone[r.zone] != nil || slices.Contains(p.config.RemovedHosts, r.zone) {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Unavailable, Op: op, Subject: r.uuid, Source: sdk.SourcePlugin,
		Text: fmt.Sprintf("it was on host %s, which is not in this provider's settings any more: whether it is still there cannot be asked", r.zone),
		Hint: fmt.Sprintf("put host %s back into the settings; if it is gone for good with all that was on it, name it in removed_hosts", r.zone),
	}
}

// lookup is the machine if it is there and the caller's, nil if not.
func (at *place) lookup(ctx context.Context, r ref) (*machine, error) {
	m, err := at.read(ctx, r.uuid)
	switch {
	case hosts.Is(err, libvirt.ERR_NO_DOMAIN), errors.Is(err, errForeign):
		return nil, nil
	case err != nil:
		return nil, err
	case !r.of(m):
		return nil, nil
	}
	return m, nil
}
