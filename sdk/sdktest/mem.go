package sdktest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

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
				found, there = find(s.Machines, req.GetOwner(), "")
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
		if _, there := find(s.Machines, req.GetOwner(), ""); there {
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
		made = memMachine{
			memKept: newKept(fmt.Sprintf("mem-%06d", s.Serial), req.GetName(), req.GetOwner()),
			Zone:    zone.Name, Shape: req.GetOffer().GetShape(), Running: time.Now().Add(m.config.Boot),
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
		if found, there = find(s.Machines, owner, id); !there {
			return sdk.Errorf(sdk.NotFound, "no such machine")
		}
		return nil
	})
	return found, err
}

// List sends the broker's machines, oldest first.
func (m *MemProvider) List(ctx context.Context, req *pb.ListRequest, send func(*pb.Instance) error) error {
	return list(ctx, m, "list", keptMachines, ofBroker[memMachine](req.GetBroker()), m.instance, send)
}

// Delete removes a machine.
func (m *MemProvider) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	return forget(ctx, m, "delete", keptMachines, req.GetOwner(), req.GetId())
}

func keptMachines(s *memState) map[string]memMachine { return s.Machines }

// Watch sends a machine after each change of its state.
func (m *MemProvider) Watch(ctx context.Context, req *pb.GetRequest, send func(*pb.Instance) error) error {
	if err := m.before(ctx, "watch"); err != nil {
		return err
	}
	look := func() (*pb.Instance, error) {
		found, err := m.lookup(ctx, req.GetOwner(), req.GetId())
		return m.instance(found), err
	}
	gone := func(i *pb.Instance) { i.State, i.Progress = pb.InstanceState_INSTANCE_STATE_GONE, nil }
	return follow(ctx, look, gone, send)
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
