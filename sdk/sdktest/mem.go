package sdktest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// MemProvider is one provider of the in-memory plugin.
type MemProvider struct {
	name   string
	config *MemConfig
	log    *slog.Logger
	store  *memStore
	list   *pricing.List

	mu       sync.Mutex
	consoles map[string]context.CancelCauseFunc
}

var (
	_ sdk.Compute = (*MemProvider)(nil)
	_ sdk.Power   = (*MemProvider)(nil)
	_ sdk.Console = (*MemProvider)(nil)
)

// OpenMem makes a provider as a value.
func OpenMem(name string, c *MemConfig, log *slog.Logger) (*MemProvider, error) {
	c = c.withZones()
	store, err := openMemStore(c.StateDir)
	if err != nil {
		return nil, &sdk.Error{Kind: sdk.Invalid, Op: "open state", Faults: []sdk.Fault{{Path: "state_dir", Have: c.StateDir, Want: "a directory that can be written", Text: err.Error()}}}
	}
	list, err := memPrices(c)
	if err != nil {
		return nil, err
	}
	return &MemProvider{name: name, config: c, log: log, store: store, list: list, consoles: map[string]context.CancelCauseFunc{}}, nil
}

// Check says that all is well, unless a fault was asked for.
func (m *MemProvider) Check(ctx context.Context) ([]*pb.CheckItem, error) {
	if err := m.before(ctx, "check"); err != nil {
		return []*pb.CheckItem{{Subject: "memory", Verdict: pb.CheckItem_VERDICT_FAILED, Text: err.Error()}}, nil
	}
	return []*pb.CheckItem{{Subject: "memory", Verdict: pb.CheckItem_VERDICT_OK, Text: "it is there"}}, m.after(ctx, "check")
}

// PriceList is made of the configured prices.
func (m *MemProvider) PriceList(ctx context.Context) (*pricing.List, error) {
	if err := m.before(ctx, "prices"); err != nil {
		return nil, err
	}
	return m.list, m.after(ctx, "prices")
}

// Close does nothing: nothing runs in the background.
func (m *MemProvider) Close(context.Context) error { return nil }

// Create makes a machine at once; it is running after the configured time.
func (m *MemProvider) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	if err := m.before(ctx, "create"); err != nil {
		return nil, err
	}
	zone, ok := m.zone(req.GetOffer().GetZone())
	if !ok {
		return nil, &sdk.Error{Kind: sdk.Invalid, Op: "create", Faults: []sdk.Fault{{Path: "offer.zone", Have: req.GetOffer().GetZone(), Want: "a zone of this provider"}}}
	}
	made, err := sdk.Ensure(ctx, sdk.EnsureOps[memMachine]{
		Find: func(ctx context.Context) (found memMachine, there bool, err error) {
			err = m.store.do(ctx, false, func(s *memState) error {
				found, there = s.find(req.GetOwner(), "")
				return nil
			})
			return found, there, err
		},
		Request: func(have memMachine) string { return have.owner().GetRequest() },
		Create:  func(ctx context.Context) (memMachine, error) { return m.make(ctx, zone, req) },
	}, req.GetOwner())
	if err != nil {
		return nil, err
	}
	return m.instance(made), m.after(ctx, "create")
}

func (m *MemProvider) make(ctx context.Context, zone MemZone, req *pb.CreateRequest) (made memMachine, err error) {
	err = m.store.do(ctx, true, func(s *memState) error {
		if _, there := s.find(req.GetOwner(), ""); there {
			return sdk.Errorf(sdk.Conflict, "the key is taken")
		}
		if why := m.quoteOnly(zone); why != "" {
			return &sdk.Error{Kind: sdk.Denied, Source: sdk.SourceProvider, Op: "create", Subject: "zone " + zone.Name, Text: why}
		}
		if free := m.free(s, zone); free <= 0 {
			return &sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Source: sdk.SourceProvider, Op: "create", Subject: "zone " + zone.Name, Text: "the zone is full"}
		}
		var attached memMachine
		for _, a := range req.GetAttachments() {
			if err := m.attach(&attached, a); err != nil {
				return err
			}
		}
		s.Serial++
		now := time.Now()
		made = memMachine{
			ID: fmt.Sprintf("mem-%06d", s.Serial), Name: req.GetName(), Labels: sdk.OwnerLabels(req.GetOwner()),
			Zone: zone.Name, Shape: req.GetOffer().GetShape(), Created: now, Running: now.Add(m.config.Boot),
			Attachments: attached.Attachments,
		}
		s.Machines[made.ID] = made
		return nil
	})
	return made, err
}

// Get finds a machine by key or id.
func (m *MemProvider) Get(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	if err := m.before(ctx, "get"); err != nil {
		return nil, err
	}
	found, err := m.lookup(ctx, req.GetOwner(), req.GetId())
	if err != nil {
		return nil, err
	}
	return m.instance(found), m.after(ctx, "get")
}

func (m *MemProvider) lookup(ctx context.Context, owner *pb.Owner, id string) (found memMachine, err error) {
	err = m.store.do(ctx, false, func(s *memState) error {
		var there bool
		if found, there = s.find(owner, id); !there {
			return sdk.Errorf(sdk.NotFound, "no such machine")
		}
		return nil
	})
	return found, err
}

// List sends the broker's machines, oldest first.
func (m *MemProvider) List(ctx context.Context, req *pb.ListRequest, send func(*pb.Instance) error) error {
	if err := m.before(ctx, "list"); err != nil {
		return err
	}
	var machines []memMachine
	err := m.store.do(ctx, false, func(s *memState) error {
		for _, id := range slices.Sorted(maps.Keys(s.Machines)) {
			if s.Machines[id].owner().GetBroker() == req.GetBroker() {
				machines = append(machines, s.Machines[id])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, machine := range machines {
		if err := send(m.instance(machine)); err != nil {
			return err
		}
	}
	return m.after(ctx, "list")
}

// Delete removes a machine.
func (m *MemProvider) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	if err := m.before(ctx, "delete"); err != nil {
		return err
	}
	err := m.store.do(ctx, true, func(s *memState) error {
		if found, there := s.find(req.GetOwner(), req.GetId()); there {
			delete(s.Machines, found.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.after(ctx, "delete")
}

// memPoll is how often Watch looks.
const memPoll = 10 * time.Millisecond

// Watch sends a machine after each change of its state.
func (m *MemProvider) Watch(ctx context.Context, req *pb.GetRequest, send func(*pb.Instance) error) error {
	if err := m.before(ctx, "watch"); err != nil {
		return err
	}
	var last *pb.Instance
	for {
		found, err := m.lookup(ctx, req.GetOwner(), req.GetId())
		switch {
		case sdk.KindOf(err) == sdk.NotFound && last != nil:
			last.State, last.Progress = pb.InstanceState_INSTANCE_STATE_GONE, nil
			return send(last)
		case err != nil:
			return err
		}
		if now := m.instance(found); !proto.Equal(now, last) {
			last = now
			if err := send(proto.CloneOf(now)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(memPoll):
		}
	}
}

func (m *MemProvider) instance(machine memMachine) *pb.Instance {
	i := &pb.Instance{
		Id: machine.ID, Owner: machine.owner(), Name: machine.Name, State: pb.InstanceState_INSTANCE_STATE_RUNNING,
		Region: "memory", Zone: machine.Zone, Shape: machine.Shape, CreatedAt: timestamppb.New(machine.Created),
		Consumer: m.consumer(machine.Zone),
	}
	for _, text := range machine.Attachments {
		i.Attachments = append(i.Attachments, attachmentOf(text))
	}
	left := time.Until(machine.Running)
	switch {
	case machine.Stopped:
		i.State = pb.InstanceState_INSTANCE_STATE_STOPPED
	case left > 0:
		i.State = pb.InstanceState_INSTANCE_STATE_CREATING
		percent := 100 - 100*left/max(machine.Running.Sub(machine.Created), 1)
		i.Progress = &pb.Progress{Step: "boot", Percent: uint32(min(max(percent, 0), 100))}
	case !m.config.NoAddress:
		i.Addresses = []*pb.Address{{Ip: "192.0.2.1", Network: "memory"}}
	}
	return i
}
