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

func idempotenceCases() []Case {
	compute := pb.Compute_ServiceDesc.ServiceName
	return []Case{
		{"again/create", LevelIdempotence, "The same Create ten times makes one machine.", compute, createAgain},
		{"again/create-parallel", LevelIdempotence, "The same Create ten times at once makes one machine; Busy is a right answer to some.", compute, createParallel},
		{"again/conflict", LevelIdempotence, "The same key with another request hash is a Conflict and changes nothing.", compute, conflict},
		{"again/two", LevelIdempotence, "Two keys are two machines, and deleting one leaves the other.", compute, twoKeys},
		{"again/delete-parallel", LevelIdempotence, "The same Delete ten times at once succeeds; Busy is a right answer to some.", compute, deleteParallel},
		{"again/other-broker", LevelIdempotence, "A broker's machines are neither listed for, nor found, nor deleted by another.", compute, otherBroker},
	}
}

func createAgain(ctx context.Context, e *Env) error {
	o := e.owner()
	req, err := e.request(ctx, o)
	if err != nil {
		return err
	}
	first, err := e.untilRunning(ctx, req)
	if err != nil {
		return err
	}
	var faults []error
	for range repeats - 1 {
		i, err := e.create(ctx, req)
		if err != nil || i.GetId() != first.GetId() {
			faults = append(faults, fmt.Errorf("create again: id %q, error %w; want %q", i.GetId(), err, first.GetId()))
		}
	}
	return errors.Join(append(faults, e.holds(ctx, o.GetBroker(), 1, "after ten times the same Create"))...)
}

func createParallel(ctx context.Context, e *Env) error {
	o := e.owner()
	req, err := e.request(ctx, o)
	if err != nil {
		return err
	}
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		ids = map[string]bool{}
		bad []error
	)
	for range repeats {
		wg.Go(func() {
			i, err := e.create(ctx, proto.CloneOf(req))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ids[i.GetId()] = true
			} else if sdk.KindOf(err) != sdk.Busy {
				bad = append(bad, fmt.Errorf("create: %w", err))
			}
		})
	}
	wg.Wait()
	if len(ids) > 1 {
		bad = append(bad, fmt.Errorf("%d machines for one key: %v", len(ids), ids))
	}
	if _, err := e.untilRunning(ctx, req); err != nil {
		bad = append(bad, err)
	}
	return errors.Join(append(bad, e.holds(ctx, o.GetBroker(), 1, "after ten times the same Create at once"))...)
}

func conflict(ctx context.Context, e *Env) error {
	o := e.owner()
	req, err := e.request(ctx, o)
	if err != nil {
		return err
	}
	first, err := e.untilRunning(ctx, req)
	if err != nil {
		return err
	}
	other := proto.CloneOf(req)
	other.Owner.Request = "another-request"
	var faults []error
	if i, err := e.create(ctx, other); sdk.KindOf(err) != sdk.Conflict {
		faults = append(faults, fmt.Errorf("create with another request: %q, error %w; want Conflict", i.GetId(), err))
	}
	if i, err := e.get(ctx, o); err != nil || i.GetId() != first.GetId() || i.GetOwner().GetRequest() != o.GetRequest() {
		faults = append(faults, fmt.Errorf("after the Conflict: id %q, request %q, error %w; want %q and %q",
			i.GetId(), i.GetOwner().GetRequest(), err, first.GetId(), o.GetRequest()))
	}
	return errors.Join(append(faults, e.holds(ctx, o.GetBroker(), 1, "after the Conflict"))...)
}

func twoKeys(ctx context.Context, e *Env) error {
	o, first, err := e.running(ctx)
	if err != nil {
		return err
	}
	o2 := another(o)
	req, err := e.request(ctx, o2)
	if err != nil {
		return err
	}
	second, err := e.untilRunning(ctx, req)
	if err != nil {
		return err
	}
	var faults []error
	if first.GetId() == second.GetId() {
		faults = append(faults, fmt.Errorf("both are %q", first.GetId()))
	}
	faults = append(faults, e.holds(ctx, o.GetBroker(), 2, "after two keys"), e.remove(ctx, o))
	if i, err := e.get(ctx, o2); err != nil || i.GetId() != second.GetId() {
		faults = append(faults, fmt.Errorf("after the first was deleted the second is %q, error %w", i.GetId(), err))
	}
	return errors.Join(append(faults, e.holds(ctx, o.GetBroker(), 1, "after the first was deleted"))...)
}

func deleteParallel(ctx context.Context, e *Env) error {
	o, _, err := e.running(ctx)
	if err != nil {
		return err
	}
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		bad []error
	)
	for range repeats {
		wg.Go(func() {
			if err := e.remove(ctx, o); err != nil && sdk.KindOf(err) != sdk.Busy {
				mu.Lock()
				defer mu.Unlock()
				bad = append(bad, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(append(bad, e.remove(ctx, o), e.holds(ctx, o.GetBroker(), 0, "after ten times the same Delete at once"))...)
}

func otherBroker(ctx context.Context, e *Env) error {
	o, made, err := e.running(ctx)
	if err != nil {
		return err
	}
	stranger := e.owner()
	faults := []error{e.holds(ctx, stranger.GetBroker(), 0, "another broker")}
	thief := proto.CloneOf(o)
	thief.Broker = stranger.GetBroker()
	if i, err := e.get(ctx, thief); sdk.KindOf(err) != sdk.NotFound {
		faults = append(faults, fmt.Errorf("Get with the key and another broker: %q, error %w; want NotFound", i.GetId(), err))
	}
	faults = append(faults, e.remove(ctx, thief))
	if i, err := e.get(ctx, o); err != nil || i.GetId() != made.GetId() {
		faults = append(faults, fmt.Errorf("after another broker's Delete of the same key: %q, error %w", i.GetId(), err))
	}
	return errors.Join(faults...)
}
