package sdktest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
)

func (k keyed[R, O]) missing(ctx context.Context) error {
	o := k.owner()
	return errors.Join(
		k.isNot(ctx, o, "", "by key"), k.isNot(ctx, nil, "no-such-"+k.noun, "by id"),
		k.remove(ctx, o), k.remove(ctx, o))
}

func (k keyed[R, O]) watched(ctx context.Context) error {
	o, _, made, err := k.made(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, k.Target.Call)
	defer cancel()
	gone := make(chan bool, 100)
	ended := make(chan error, 1)
	go func() {
		defer close(gone)
		ended <- k.watch(ctx, o, func(one O) error {
			if one.GetId() != made.GetId() {
				return fmt.Errorf("watch: id %q, want %q", one.GetId(), made.GetId())
			}
			gone <- k.gone(one)
			return nil
		})
	}()
	if first, ok := <-gone; !ok || first {
		return fmt.Errorf("watch: its first word is missing, or is GONE: %w", <-ended)
	}
	if err := k.remove(ctx, o); err != nil {
		return err
	}
	last := false
	for last = range gone {
		continue
	}
	if err := <-ended; err != nil || !last {
		return fmt.Errorf("watch: its last word is GONE: %v, error %w; want true and none", last, err)
	}
	return nil
}

func (k keyed[R, O]) again(ctx context.Context) error {
	o, req, first, err := k.made(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for range repeats - 1 {
		one, err := k.send(ctx, req)
		if err != nil || one.GetId() != first.GetId() {
			faults = append(faults, fmt.Errorf("%s again: id %q, error %w; want %q", k.callCreate, one.GetId(), err, first.GetId()))
		}
	}
	return errors.Join(append(faults, k.holds(ctx, o.GetBroker(), 1, "after ten times the same "+k.callCreate))...)
}

func (k keyed[R, O]) againAtOnce(ctx context.Context) error {
	o := k.owner()
	req, err := k.request(ctx, o)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	ids := map[string]bool{}
	bad := []error{k.atOnce(func() error {
		one, err := k.send(ctx, proto.CloneOf(req))
		if err != nil {
			return fmt.Errorf("%s: %w", k.callCreate, err)
		}
		mu.Lock()
		defer mu.Unlock()
		ids[one.GetId()] = true
		return nil
	})}
	if len(ids) > 1 {
		bad = append(bad, fmt.Errorf("%d of one key: %v", len(ids), ids))
	}
	if _, err := k.ready(ctx, req); err != nil {
		bad = append(bad, err)
	}
	return errors.Join(append(bad, k.holds(ctx, o.GetBroker(), 1, "after ten times the same "+k.callCreate+" at once"))...)
}

func (k keyed[R, O]) conflict(ctx context.Context) error {
	o, req, first, err := k.made(ctx)
	if err != nil {
		return err
	}
	other := proto.CloneOf(req)
	other.GetOwner().Request = "another-request"
	var faults []error
	if one, err := k.send(ctx, other); sdk.KindOf(err) != sdk.Conflict {
		faults = append(faults, fmt.Errorf("%s with another request: %q, error %w; want Conflict", k.callCreate, one.GetId(), err))
	}
	return errors.Join(append(faults,
		k.is(ctx, o, first.GetId(), "after the Conflict"), k.holds(ctx, o.GetBroker(), 1, "after the Conflict"))...)
}

func (k keyed[R, O]) two(ctx context.Context) error {
	o, _, first, err := k.made(ctx)
	if err != nil {
		return err
	}
	o2 := otherKey(o, "-2")
	req, err := k.request(ctx, o2)
	if err != nil {
		return err
	}
	second, err := k.ready(ctx, req)
	if err != nil {
		return err
	}
	var faults []error
	if first.GetId() == second.GetId() {
		faults = append(faults, fmt.Errorf("both are %q", first.GetId()))
	}
	return errors.Join(append(faults,
		k.holds(ctx, o.GetBroker(), 2, "after two keys"),
		k.atOnce(func() error { return k.remove(ctx, o) }), k.remove(ctx, o),
		k.is(ctx, o2, second.GetId(), "after the first was deleted"),
		k.holds(ctx, o.GetBroker(), 1, "after the first was deleted"))...)
}

func (k keyed[R, O]) otherBroker(ctx context.Context) error {
	o, _, made, err := k.made(ctx)
	if err != nil {
		return err
	}
	thief := proto.CloneOf(o)
	thief.Broker = k.owner().GetBroker()
	return errors.Join(
		k.holds(ctx, thief.GetBroker(), 0, "another broker"),
		k.isNot(ctx, thief, "", "with the key and another broker"),
		k.remove(ctx, thief),
		k.is(ctx, o, made.GetId(), "after another broker's "+k.callDelete+" of the same key"))
}

func (k keyed[R, O]) killInCreate(ctx context.Context) error {
	return k.eachKill(func(when string, kill func(context.Context, func(context.Context)) error) error {
		o := k.owner()
		req, err := k.request(ctx, o)
		if err != nil {
			return err
		}
		if err := kill(ctx, func(ctx context.Context) { _, _ = k.send(ctx, req) }); err != nil {
			return err
		}
		first, err := k.ready(ctx, req)
		if err != nil {
			return err
		}
		return errors.Join(
			k.is(ctx, o, first.GetId(), when+" and repeated"), k.holds(ctx, o.GetBroker(), 1, when+" and repeated"),
			k.remove(ctx, o),
			k.holds(ctx, o.GetBroker(), 0, when+", repeated and deleted"))
	})
}

func (k keyed[R, O]) killInDelete(ctx context.Context) error {
	return k.eachKill(func(when string, kill func(context.Context, func(context.Context)) error) error {
		o, _, _, err := k.made(ctx)
		if err != nil {
			return err
		}
		if err := kill(ctx, func(ctx context.Context) { _ = k.remove(ctx, o) }); err != nil {
			return err
		}
		return errors.Join(k.remove(ctx, o), k.holds(ctx, o.GetBroker(), 0, when+" and repeated"))
	})
}

func (k keyed[R, O]) deletedAtOnce(ctx context.Context) error {
	o, _, _, err := k.made(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		k.atOnce(func() error { return k.remove(ctx, o) }), k.remove(ctx, o),
		k.holds(ctx, o.GetBroker(), 0, "after ten times the same "+k.callDelete+" at once"))
}
