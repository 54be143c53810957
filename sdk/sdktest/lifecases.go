package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func lifeCases() []Case {
	compute := pb.Compute_ServiceDesc.ServiceName
	return []Case{
		{"life/offers", LevelLife, "Offers fulfil the pledge, have ids of their own, name the list's revision, are priced in every SKU, and come in order of their exact total.", compute, offersAreRight},
		{"life/horizons", LevelLife, "Offers come in order of their exact total for 2 h and for a year as for any other horizon: billing rules turn the order around.", compute, horizonsOrder},
		{"life/quote-only", LevelLife, "An offer that says quote_only is not for Create: it is refused as Invalid, and nothing is made.", compute, quoteOnlyIsRefused},
		{"life/limit", LevelLife, "No more offers are sent than asked for, and the first is the same.", compute, limitHolds},
		{"life/offer-by-id", LevelLife, "An offer can be asked for again by its id; one that does not exist is an empty answer.", compute, offerByID},
		{"life/no", LevelLife, "Having nothing to offer is an answer with reasons, not an error.", compute, noHasReasons},
		{"life/cycle", LevelLife, "A machine is created until it runs, is found by key and by id, listed, deleted, and then gone.", compute, lifeCycle},
		{"life/watch", LevelLife, "Watch sends the machine at once, and GONE as its last word.", compute, ofMachines(machines.watched)},
		{"life/missing", LevelLife, "Get of what is not there is NotFound; Delete of it is done.", compute, ofMachines(machines.missing)},
		{"life/power", LevelLife, "A machine can be stopped and started; asking for what already is, is no error.", pb.Power_ServiceDesc.ServiceName, power},
		{"life/console", LevelLife, "A console opens once; a second caller is Busy unless he forces it.", pb.Console_ServiceDesc.ServiceName, console},
	}
}

// running makes one machine of a new broker.
func (e *Env) running(ctx context.Context) (*pb.Owner, *pb.Instance, error) {
	o := e.owner()
	req, err := e.request(ctx, o)
	if err != nil {
		return o, nil, err
	}
	i, err := e.untilRunning(ctx, req)
	return o, i, err
}

func lifeCycle(ctx context.Context, e *Env) error {
	o, made, err := e.running(ctx)
	if err != nil {
		return err
	}
	var faults []error
	same := func(how string, i *pb.Instance, err error) {
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", how, err))
		case i.GetId() != made.GetId():
			faults = append(faults, fmt.Errorf("%s: id %q, it was made as %q", how, i.GetId(), made.GetId()))
		case i.GetOwner().GetKey() != o.GetKey() || i.GetOwner().GetBroker() != o.GetBroker() ||
			i.GetOwner().GetAllocation() != o.GetAllocation() || i.GetOwner().GetRequest() != o.GetRequest():
			faults = append(faults, fmt.Errorf("%s: owner %v, want %v", how, i.GetOwner(), o))
		}
	}
	same("Create", made, nil)
	byKey, err := e.get(ctx, o, "")
	same("Get by key", byKey, err)
	byID, err := e.get(ctx, nil, made.GetId())
	same("Get by id", byID, err)
	list, err := e.list(ctx, o.GetBroker())
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%d machines, want 1", len(list))
	}
	if err == nil {
		same("List", list[0], nil)
	} else {
		faults = append(faults, err)
	}
	if err := e.remove(ctx, o); err != nil {
		return errors.Join(append(faults, err)...)
	}
	if i, err := e.get(ctx, o, ""); sdk.KindOf(err) != sdk.NotFound {
		faults = append(faults, fmt.Errorf("Get after Delete: %v, error %w; want NotFound", i, err))
	}
	return errors.Join(append(faults, e.holds(ctx, o.GetBroker(), 0, "after Delete"))...)
}

func power(ctx context.Context, e *Env) error {
	o, made, err := e.running(ctx)
	if err != nil {
		return err
	}
	p, ok := e.compute.(sdk.Power)
	if !ok {
		return errors.New("the provider has no SetPower")
	}
	set := func(a pb.SetPowerRequest_Action, want pb.InstanceState) error {
		ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
		defer cancel()
		req := &pb.SetPowerRequest{Provider: providerName, Id: made.GetId(), Broker: o.GetBroker(), Action: a, Zone: made.GetZone()}
		for range 2 {
			if _, err := p.SetPower(ctx, req); err != nil {
				return fmt.Errorf("%v: %w", a, err)
			}
		}
		for {
			i, err := e.get(ctx, o, "")
			if err != nil {
				return err
			}
			if i.GetState() == want {
				return nil
			}
			if !pause(ctx, 20*time.Millisecond) {
				return fmt.Errorf("%v: the state is still %v, want %v", a, i.GetState(), want)
			}
		}
	}
	return errors.Join(
		set(pb.SetPowerRequest_ACTION_STOP_HARD, pb.InstanceState_INSTANCE_STATE_STOPPED),
		set(pb.SetPowerRequest_ACTION_START, pb.InstanceState_INSTANCE_STATE_RUNNING),
	)
}

func console(ctx context.Context, e *Env) error {
	o, made, err := e.running(ctx)
	if err != nil {
		return err
	}
	c, ok := e.compute.(sdk.Console)
	if !ok {
		return errors.New("the provider has no OpenConsole")
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	req := &pb.ConsoleRequest{Provider: providerName, Id: made.GetId(), Broker: o.GetBroker(), Zone: made.GetZone()}
	open := func(force bool) <-chan error {
		ended := make(chan error, 1)
		r := proto.CloneOf(req)
		r.Force = force
		go func() { ended <- c.OpenConsole(ctx, r, quiet{ctx}) }()
		return ended
	}
	// Which of the two comes first is nobody's to say.
	held, refused := open(false), open(false)
	select {
	case err = <-refused:
	case err = <-held:
		held = refused
	case <-ctx.Done():
		return errors.New("two callers are connected at once")
	}
	if sdk.KindOf(err) != sdk.Busy {
		return fmt.Errorf("of two callers one got %w, want Busy", err)
	}
	select {
	case err := <-held:
		return fmt.Errorf("the session ended by itself: %w", err)
	default:
	}
	forced := open(true)
	select {
	case <-held:
		return nil
	case err := <-forced:
		return fmt.Errorf("a forced caller got %w", err)
	case <-ctx.Done():
		return errors.New("a forced caller did not end the session")
	}
}

// quiet is a caller of a console who types nothing until his context ends.
type quiet struct{ ctx context.Context }

func (q quiet) Read([]byte) (int, error) {
	<-q.ctx.Done()
	return 0, io.EOF
}

func (q quiet) Write(p []byte) (int, error) { return len(p), nil }
