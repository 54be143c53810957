package upcloud

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Watch looks at the server now and then, and at once when this process has
// changed something. A reading that another call has just made serves as well.
func (p *Provider) Watch(ctx context.Context, req *pb.GetRequest, send func(*pb.Instance) error) error {
	r := refOf(req.GetOwner(), req.GetId())
	s, err := p.glance(ctx, r)
	if err != nil {
		return err
	}
	retry := p.timing.between()
	var last *pb.Instance
	for {
		if in := p.instance(s); !proto.Equal(in, last) {
			if err := send(in); err != nil {
				return err
			}
			last = in
		}
		due, changed := p.memory.news(s.uuid)
		if !until(ctx, due, changed) {
			return nil
		}
		fresh, err := p.look(ctx, s.uuid)
		switch {
		case err == nil:
			s = fresh
			retry.Reset()
		case ctx.Err() != nil:
			return nil
		case sdk.KindOf(err) == sdk.NotFound:
			return send(&pb.Instance{
				Id: s.uuid, Owner: last.GetOwner(), Name: last.GetName(), Region: last.GetRegion(), Zone: last.GetZone(),
				State: pb.InstanceState_INSTANCE_STATE_GONE,
			})
		case sdk.KindOf(err) != sdk.Unavailable && sdk.KindOf(err) != sdk.Throttled:
			return err
		default:
			// What it was last stays true until UpCloud answers.
			p.log.Debug("server not read", "server", s.uuid, "because", err)
			if !pause(ctx, max(retry.NextBackOff(), retryAfterOf(err))) {
				return nil
			}
		}
	}
}

// glance is a reading that is not due to be asked for again, or a new one.
func (p *Provider) glance(ctx context.Context, r ref) (*server, error) {
	uuid := r.uuid
	if r.key != "" {
		uuid = p.memory.uuidOf(r.ownKey)
	}
	if s, ok := p.memory.recent(uuid); ok && r.of(s) {
		return s, nil
	}
	return p.find(ctx, r)
}

// look is glance for a server whose UUID is known.
func (p *Provider) look(ctx context.Context, uuid string) (*server, error) {
	if s, ok := p.memory.recent(uuid); ok {
		return s, nil
	}
	return p.read(ctx, uuid)
}

// until waits for a time or for a change. False: ctx has ended.
func until(ctx context.Context, due time.Time, changed <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// pause reports whether ctx has lasted as long.
func pause(ctx context.Context, d time.Duration) bool {
	return until(ctx, time.Now().Add(d), nil)
}

// retryAfterOf is after how long the same request may pass, as far as it is said.
func retryAfterOf(err error) time.Duration {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
