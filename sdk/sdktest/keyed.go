package sdktest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// repeats is how often, and how many at once.
const repeats = 10

// keyed is a kind of object that brokers make under keys of their own: machines, or
// volumes. What its cases ask holds for every kind.
type keyed[R interface {
	proto.Message
	GetOwner() *pb.Owner
}, O interface {
	proto.Message
	GetId() string
	GetOwner() *pb.Owner
}] struct {
	*Env
	// noun is what one is, and the others are its calls, for people.
	noun, callCreate, callGet, callList, callDelete string

	request func(ctx context.Context, o *pb.Owner) (R, error)
	// send is one call; ready repeats it as the broker does.
	send, ready func(ctx context.Context, req R) (O, error)
	// find looks for a key or, without an owner, for an id.
	find func(ctx context.Context, o *pb.Owner, id string) (O, error)
	// all are those of a broker.
	all    func(ctx context.Context, broker string) ([]O, error)
	remove func(ctx context.Context, o *pb.Owner) error
	watch  func(ctx context.Context, o *pb.Owner, send func(O) error) error
	gone   func(O) bool
}

type (
	machines = keyed[*pb.CreateRequest, *pb.Instance]
	volumes  = keyed[*pb.CreateVolumeRequest, *pb.Volume]
)

// ofMachines and ofVolumes make cases of what holds for every kind.
func ofMachines(run func(machines, context.Context) error) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		return run(machines{
			Env: e, noun: "machine", callCreate: "Create", callGet: "Get", callList: "List", callDelete: "Delete",
			request: e.request, send: e.create, ready: e.untilRunning, find: e.get, all: e.list, remove: e.remove,
			watch: func(ctx context.Context, o *pb.Owner, send func(*pb.Instance) error) error {
				return e.compute.Watch(ctx, &pb.GetRequest{Provider: providerName, Owner: o}, send)
			},
			gone: func(i *pb.Instance) bool { return i.GetState() == pb.InstanceState_INSTANCE_STATE_GONE },
		}, ctx)
	}
}

func ofVolumes(run func(volumes, context.Context) error) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		return run(volumes{
			Env: e, noun: "volume", callCreate: "CreateVolume", callGet: "GetVolume", callList: "ListVolumes", callDelete: "DeleteVolume",
			request: e.volumeRequest, send: e.createVolume, ready: e.untilAvailable, find: e.getVolume, all: e.volumes, remove: e.removeVolume,
			watch: func(ctx context.Context, o *pb.Owner, send func(*pb.Volume) error) error {
				return e.storage.WatchVolume(ctx, &pb.GetVolumeRequest{Provider: providerName, Owner: o}, send)
			},
			gone: func(v *pb.Volume) bool { return v.GetState() == pb.VolumeState_VOLUME_STATE_GONE },
		}, ctx)
	}
}

// made makes one of a new broker.
func (k keyed[R, O]) made(ctx context.Context) (*pb.Owner, R, O, error) {
	o := k.owner()
	var none O
	req, err := k.request(ctx, o)
	if err != nil {
		return o, req, none, err
	}
	one, err := k.ready(ctx, req)
	return o, req, one, err
}

// holds says what is wrong if a broker has other than n.
func (k keyed[R, O]) holds(ctx context.Context, broker string, n int, when string) error {
	k.settled(ctx)
	all, err := k.all(ctx, broker)
	if err == nil && len(all) != n {
		err = fmt.Errorf("%s: %s shows %d of broker %s, want %d", when, k.callList, len(all), broker, n)
	}
	return err
}

// is says what is wrong if a key does not lead to that object.
func (k keyed[R, O]) is(ctx context.Context, o *pb.Owner, id, when string) error {
	one, err := k.find(ctx, o, "")
	if err != nil || one.GetId() != id || one.GetOwner().GetRequest() != o.GetRequest() {
		return fmt.Errorf("%s: %s by key gives id %q of request %q, error %w; want %q of %q",
			when, k.callGet, one.GetId(), one.GetOwner().GetRequest(), err, id, o.GetRequest())
	}
	return nil
}

// isNot says what is wrong if a key or an id leads to anything.
func (k keyed[R, O]) isNot(ctx context.Context, o *pb.Owner, id, when string) error {
	if one, err := k.find(ctx, o, id); sdk.KindOf(err) != sdk.NotFound {
		return fmt.Errorf("%s: %s gives %q, error %w of kind %q; want NotFound", when, k.callGet, one.GetId(), err, sdk.KindOf(err))
	}
	return nil
}

// atOnce makes calls at the same time; Busy is a right answer to some.
func (k keyed[R, O]) atOnce(call func() error) error {
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		bad []error
	)
	for range repeats {
		wg.Go(func() {
			if err := call(); err != nil && sdk.KindOf(err) != sdk.Busy {
				mu.Lock()
				defer mu.Unlock()
				bad = append(bad, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(bad...)
}
