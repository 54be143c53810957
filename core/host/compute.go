package host

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const powerService = "meson.plugin.v1.Power"

// Create makes the machine of an offer, or finds it by its key. The secrets of
// the pledge's login and its user data go along.
func (p *Provider) Create(ctx context.Context, req core.CreateRequest) (core.Instance, error) {
	wire := createToPB(p.config.Name, req)
	if err := tooLarge(proto.Size(wire)); err != nil {
		return core.Instance{}, err
	}
	var made core.Instance
	err := p.change(ctx, "create instance", computeService, func(ctx context.Context, s *session) error {
		answer, err := pb.NewComputeClient(s.conn).Create(ctx, wire)
		if err != nil {
			return err
		}
		made, err = p.instance(answer, asked{owner: req.Owner})
		return err
	})
	return made, err
}

// Get finds a machine; NotFound promises that it is not there.
func (p *Provider) Get(ctx context.Context, ref core.InstanceRef) (core.Instance, error) {
	var found core.Instance
	err := p.read(ctx, "get instance", computeService, p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		answer, err := pb.NewComputeClient(s.conn).Get(ctx, getToPB(p.config.Name, ref))
		if err != nil {
			return err
		}
		if found, err = p.instance(answer, askedFor(ref)); err == nil && found.State == core.Gone {
			return p.absent(found.ID)
		}
		return err
	})
	if err != nil {
		return core.Instance{}, err
	}
	return found, nil
}

// List is every machine that carries the broker's label. With an error, the
// machines are those that were received and are right: others may be there.
func (p *Provider) List(ctx context.Context, broker string) ([]core.Instance, error) {
	var list []core.Instance
	err := p.read(ctx, "list instances", computeService, 2*p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewComputeClient(s.conn).List(ctx, &pb.ListRequest{Provider: p.config.Name, Broker: broker})
		if err != nil {
			return err
		}
		list, err = listed(stream, "machine", func(w *pb.Instance) (core.Instance, string, error) {
			in, err := p.instance(w, asked{owner: core.Owner{Broker: broker}})
			return in, w.GetId(), err
		}, func(in core.Instance) bool { return in.State != core.Gone })
		return err
	})
	return list, err
}

// Delete removes a machine and returns when it is gone; one that is not there
// is no error.
func (p *Provider) Delete(ctx context.Context, ref core.InstanceRef) error {
	return p.change(ctx, "delete instance", computeService, func(ctx context.Context, s *session) error {
		get := getToPB(p.config.Name, ref)
		_, err := pb.NewComputeClient(s.conn).Delete(ctx, &pb.DeleteRequest{
			Provider: get.GetProvider(), Owner: get.GetOwner(), Id: get.GetId(), Zone: get.GetZone(),
		})
		return err
	})
}

// Watch calls changed with the machine at once and after every change, never
// concurrently, until it is gone (nil), changed returns an error (that error) or
// ctx ends. It has no deadline of its own: a plugin that hangs is noticed by its
// pings. A plugin that sends without pause is slowed down to 1,000 a second.
func (p *Provider) Watch(ctx context.Context, ref core.InstanceRef, changed func(core.Instance) error) error {
	var own error
	err := p.read(ctx, "watch instance", computeService, 0, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewComputeClient(s.conn).Watch(ctx, getToPB(p.config.Name, ref))
		if err != nil {
			return err
		}
		for begun, n := time.Now(), 0; ; n++ {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			in, err := p.instance(answer, askedFor(ref))
			if err != nil {
				return err
			}
			if own = changed(in); own != nil {
				return nil
			}
			if in.State == core.Gone {
				return nil
			}
			time.Sleep(time.Duration(max(n-100, 0))*time.Millisecond - time.Since(begun))
		}
	})
	if own != nil {
		return own
	}
	return err
}

// SetPower starts a change of power and returns the machine as it is then. ref
// must have the machine's id.
func (p *Provider) SetPower(ctx context.Context, ref core.InstanceRef, broker string, action core.PowerAction) (core.Instance, error) {
	wire, ok := powerToPB(action)
	if !ok || ref.ID == "" {
		return core.Instance{}, &core.Error{
			Kind: core.Invalid, Op: "set power", Subject: "provider " + p.config.Name,
			Text: "want the id of a machine, and start, stop, stop-hard, reboot or reboot-hard",
		}
	}
	var after core.Instance
	err := p.change(ctx, string(action)+" instance", powerService, func(ctx context.Context, s *session) error {
		answer, err := pb.NewPowerClient(s.conn).SetPower(ctx, &pb.SetPowerRequest{
			Provider: p.config.Name, Id: ref.ID, Action: wire, Broker: broker, Zone: ref.Zone,
		})
		if err != nil {
			return err
		}
		after, err = p.instance(answer, asked{owner: core.Owner{Broker: broker, Key: ref.Owner.Key}, id: ref.ID})
		return err
	})
	return after, err
}
