package sdktest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// providerName is how the suite calls the provider that it configures.
const providerName = "conformance"

// Env is a target's plugin, configured, and what a case has made so far. It is
// used by one case at a time.
type Env struct {
	Target Target
	Plugin Plugin

	provider sdk.Provider
	compute  sdk.Compute
	storage  sdk.Storage
	describe *pb.DescribeResponse

	mu      sync.Mutex
	brokers []string // of the case under way; everything of theirs is removed
}

// NewEnv connects to the target and configures it.
func NewEnv(ctx context.Context, t Target) (*Env, error) {
	t, err := t.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Env{Target: t}
	p, err := t.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return e, e.use(ctx, p)
}

// use makes a plugin the one that is driven.
func (e *Env) use(ctx context.Context, p Plugin) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	d, err := p.Describe(ctx)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	if _, err := p.Configure(ctx, e.settings()); err != nil {
		return fmt.Errorf("configure with the target's settings: %w", err)
	}
	provider, err := p.Provider(providerName)
	if err != nil {
		return err
	}
	e.Plugin, e.describe = p, d
	e.provider = provider
	if e.Has(pb.Compute_ServiceDesc.ServiceName) {
		e.compute, _ = provider.(sdk.Compute)
	}
	if e.Has(pb.Storage_ServiceDesc.ServiceName) {
		e.storage, _ = provider.(sdk.Storage)
	}
	if e.compute != nil && e.Target.Fits == nil {
		return errors.New("target: want Fits and TooBig, as the plugin makes machines")
	}
	return nil
}

func (e *Env) settings() *pb.ConfigureRequest {
	return &pb.ConfigureRequest{Provider: providerName, ConfigJson: e.Target.Config, Secrets: e.Target.Secrets}
}

// Has reports whether the plugin says that it serves a service.
func (e *Env) Has(service string) bool { return slices.Contains(e.describe.GetServices(), service) }

// Window is how long an object may be missing after it was made.
func (e *Env) Window() time.Duration {
	return time.Duration(e.describe.GetConsistencyWindowMs()) * time.Millisecond
}

func (e *Env) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.brokers = nil
}

// cleanUp removes what the brokers of this case still have.
func (e *Env) cleanUp(ctx context.Context) error {
	e.mu.Lock()
	brokers := slices.Clone(e.brokers)
	e.mu.Unlock()
	var faults []error
	for _, b := range brokers {
		faults = append(faults, e.cleanVolumes(ctx, b))
		if e.compute == nil {
			continue
		}
		for _, i := range e.mustList(ctx, b, &faults) {
			err := e.compute.Delete(ctx, &pb.DeleteRequest{Provider: providerName, Owner: i.GetOwner(), Zone: i.GetZone()})
			if err != nil {
				faults = append(faults, fmt.Errorf("clean up %s: %w", i.GetId(), err))
			}
		}
		if left := e.mustList(ctx, b, &faults); len(left) > 0 {
			faults = append(faults, fmt.Errorf("clean up: %d machines of broker %s are still there, the first is %s", len(left), b, left[0].GetId()))
		}
	}
	return errors.Join(faults...)
}

// mustList asks again where something could not be asked: others may work there.
func (e *Env) mustList(ctx context.Context, broker string, faults *[]error) []*pb.Instance {
	list, err := e.list(ctx, broker)
	for end := time.Now().Add(e.Target.Call); sdk.KindOf(err) == sdk.Unavailable && time.Now().Before(end) && pause(ctx, 200*time.Millisecond); {
		list, err = e.list(ctx, broker)
	}
	if err != nil {
		*faults = append(*faults, fmt.Errorf("clean up: %w", err))
	}
	return list
}

// owner is that of a new machine of a new broker, so that nobody else's
// machines are ever listed.
func (e *Env) owner() *pb.Owner {
	id := strings.ToLower(rand.Text()[:12])
	e.mu.Lock()
	defer e.mu.Unlock()
	e.brokers = append(e.brokers, "conf-"+id)
	return &pb.Owner{Broker: "conf-" + id, Allocation: "a-" + id, Key: "k-" + id, Request: "r-" + id}
}

// request is a Create for the best offer of the pledge that fits and can be
// bought.
func (e *Env) request(ctx context.Context, o *pb.Owner) (*pb.CreateRequest, error) {
	offers, reasons, err := e.offers(ctx, e.Target.Fits, 1, "")
	if err == nil && len(offers) > 0 && offers[0].GetQuoteOnly() != "" {
		offers, reasons, err = e.offers(ctx, e.Target.Fits, 0, "")
	}
	if err != nil {
		return nil, err
	}
	if len(offers) == 0 {
		return nil, fmt.Errorf("offer: nothing for the pledge that fits, because %v", reasons)
	}
	why := offers[0].GetQuoteOnly()
	offers = slices.DeleteFunc(offers, func(o *pb.Offer) bool { return o.GetQuoteOnly() != "" })
	if len(offers) == 0 {
		return nil, fmt.Errorf("offer: nothing that can be bought for the pledge that fits, the first because %s", why)
	}
	return &pb.CreateRequest{
		Provider: providerName, Owner: o, Name: "conformance", Pledge: e.Target.Fits, Offer: offers[0], Login: e.Target.Login,
	}, nil
}

func (e *Env) create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	return e.compute.Create(ctx, req)
}

// untilRunning repeats a Create as the broker does.
func (e *Env) untilRunning(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	for {
		i, err := e.create(ctx, req)
		switch kind := sdk.KindOf(err); {
		case err == nil && i.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING:
			return i, nil
		case err == nil && i.GetState() == pb.InstanceState_INSTANCE_STATE_FAILED:
			return nil, fmt.Errorf("create: the machine failed: %s", i.GetMessage())
		case err != nil && kind != sdk.Busy && kind != sdk.Uncertain && kind != sdk.Throttled && kind != sdk.Unavailable:
			return nil, fmt.Errorf("create: %w", err)
		}
		if !pause(ctx, 20*time.Millisecond) {
			return nil, fmt.Errorf("create: not running after %v; state %v, last error %v", e.Target.Running, i.GetState(), err)
		}
	}
}

func (e *Env) get(ctx context.Context, o *pb.Owner, id string) (*pb.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	return e.compute.Get(ctx, &pb.GetRequest{Provider: providerName, Owner: o, Id: id})
}

func (e *Env) list(ctx context.Context, broker string) (all []*pb.Instance, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	err = e.compute.List(ctx, &pb.ListRequest{Provider: providerName, Broker: broker}, func(i *pb.Instance) error {
		all = append(all, i)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return all, nil
}

func (e *Env) remove(ctx context.Context, o *pb.Owner) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	if err := e.compute.Delete(ctx, &pb.DeleteRequest{Provider: providerName, Owner: o}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// settled waits until reads must show every finished write.
func (e *Env) settled(ctx context.Context) { pause(ctx, e.Window()) }

// holds says what is wrong if a broker has other than n machines.
func (e *Env) holds(ctx context.Context, broker string, n int, when string) error {
	e.settled(ctx)
	list, err := e.list(ctx, broker)
	if err != nil {
		return err
	}
	if len(list) != n {
		return fmt.Errorf("%s: List shows %d machines, want %d", when, len(list), n)
	}
	return nil
}

// pause reports whether ctx lasted as long.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
