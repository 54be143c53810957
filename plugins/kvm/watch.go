package kvm

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	// watchPoll is how often a watched machine is read without any event.
	watchPoll = 15 * time.Second
	// addressPoll is the same for one that runs and has no address yet, since
	// libvirt has no event for a lease; addressWait is for how long.
	addressPoll = time.Second
	addressWait = 3 * time.Minute
)

// Watch follows libvirt's events and the work of this process.
func (p *Provider) Watch(ctx context.Context, req *pb.GetRequest, send func(*pb.Instance) error) error {
	r := refOf(req.GetOwner(), req.GetId(), req.GetZone())
	m, err := p.find(ctx, r)
	if err != nil {
		return err
	}
	at := m.at
	// Subscribed before it is read again: nothing falls between.
	changes := at.host.Subscribe(m.uuid)
	defer changes.Close()
	began := time.Now()
	var last *pb.Instance
	for {
		m, err := at.lookup(ctx, r)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && sdk.KindOf(failed("watch machine", at, err, false)) != sdk.Unavailable:
			return failed("watch machine", at, err, false)
		case err != nil:
			// The host is away; what it was last stays true until it answers.
		case m == nil:
			gone := &pb.Instance{Id: r.uuid, State: pb.InstanceState_INSTANCE_STATE_GONE, Zone: at.Zone, Region: at.Region}
			if last != nil {
				gone.Owner, gone.Name = last.GetOwner(), last.GetName()
			}
			return send(gone)
		default:
			if in := p.instance(ctx, m); !proto.Equal(in, last) {
				if err := send(in); err != nil {
					return err
				}
				last = in
			}
		}
		if !p.pause(ctx, r.uuid, changes.C, pollOf(last, time.Since(began))) {
			return nil
		}
	}
}

func pollOf(last *pb.Instance, watched time.Duration) time.Duration {
	running := last.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING
	if running && len(last.GetAddresses()) == 0 && watched < addressWait {
		return addressPoll
	}
	return watchPoll
}

// pause waits for a change of the machine or of its job, or for poll to pass.
// False: ctx has ended.
func (p *Provider) pause(ctx context.Context, uuid string, changes <-chan struct{}, poll time.Duration) bool {
	var progress <-chan struct{}
	if j := p.jobs.find(uuid); j != nil && !j.ended() {
		_, progress = j.now()
	}
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-changes:
	case <-progress:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}
