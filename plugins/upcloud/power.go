package upcloud

import (
	"context"
	"fmt"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Power = (*Provider)(nil)

const (
	// powerStop is how long a guest may take to shut down; then UpCloud pulls the
	// plug.
	powerStop = 2 * time.Minute
	// powerStart is how long a server that was told to start or to restart is said
	// to be doing so.
	powerStart = 2 * time.Minute
)

// SetPower sends one request at most. That a guest does not heed a stop needs
// nobody here: UpCloud itself pulls the plug after powerStop.
func (p *Provider) SetPower(ctx context.Context, req *pb.SetPowerRequest) (*pb.Instance, error) {
	s, err := p.find(ctx, ref{uuid: req.GetId(), ownKey: ownKey{broker: req.GetBroker()}})
	if err != nil {
		return nil, err
	}
	unlock, err := p.busy.Lock(ctx, s.uuid)
	if err != nil {
		return nil, err
	}
	defer unlock()
	for tries := 1; ; tries++ {
		a, begin, err := p.powerOf(req.GetAction(), s)
		if err != nil {
			return nil, err
		}
		if !begin {
			return p.instance(s), nil
		}
		refusal := p.post(ctx, a.op, s.uuid, a.request)
		if refusal == nil {
			p.step("power.sent")
			p.memory.expect(s.uuid, a.will, a.within)
			return p.instance(s), nil
		}
		if _, will := p.memory.of(s.uuid); sdk.KindOf(refusal) != sdk.Busy || tries > 1 {
			return nil, refusal
		} else if will == a.will {
			return p.instance(s), nil // it is under way
		}
		// Somebody else may have changed its state since it was read.
		was := s.state
		if s, err = p.read(ctx, s.uuid); err != nil {
			return nil, err
		}
		if s.state == was {
			return nil, refusal
		}
	}
}

// powerChange is one request and what follows from it.
type powerChange struct {
	op      string
	request request.Request
	will    pb.InstanceState
	within  time.Duration
}

// powerOf is what an action means for a server in its state; begin is false where
// it is so already, or will be.
func (p *Provider) powerOf(action pb.SetPowerRequest_Action, s *server) (a *powerChange, begin bool, err error) {
	const stopping, starting = pb.InstanceState_INSTANCE_STATE_STOPPING, pb.InstanceState_INSTANCE_STATE_STARTING
	_, will := p.memory.of(s.uuid)
	if s.state != stateStarted && s.state != stateStopped {
		return nil, false, &sdk.Error{
			Kind: sdk.Busy, Op: "set power", Subject: s.uuid, Source: sdk.SourceProvider, RetryAfter: p.timing.first,
			Text: fmt.Sprintf("UpCloud says %.40q of it: its power can be changed when it is started or stopped", s.state),
		}
	}
	started := s.state == stateStarted
	stop := &powerChange{op: "stop server", will: stopping, within: powerStop + p.timing.hard}
	restart := &powerChange{op: "restart server", will: starting, within: powerStart}
	switch action {
	case pb.SetPowerRequest_ACTION_STOP:
		stop.request = &request.StopServerRequest{UUID: s.uuid, StopType: request.ServerStopTypeSoft, Timeout: powerStop}
		return stop, started && will != stopping, nil
	case pb.SetPowerRequest_ACTION_STOP_HARD:
		stop.request = &request.StopServerRequest{UUID: s.uuid, StopType: request.ServerStopTypeHard}
		return stop, started, nil
	case pb.SetPowerRequest_ACTION_REBOOT:
		restart.request = &request.RestartServerRequest{
			UUID: s.uuid, StopType: request.ServerStopTypeSoft, Timeout: powerStop, TimeoutAction: request.RestartTimeoutActionDestroy,
		}
		restart.within += powerStop
	case pb.SetPowerRequest_ACTION_REBOOT_HARD:
		restart.request = &request.RestartServerRequest{UUID: s.uuid, StopType: request.ServerStopTypeHard}
	}
	if restart.request != nil && started {
		return restart, true, nil
	}
	start := &powerChange{
		op: "start server", request: &request.StartServerRequest{UUID: s.uuid}, will: starting, within: powerStart,
	}
	return start, !started && will != starting, nil
}
