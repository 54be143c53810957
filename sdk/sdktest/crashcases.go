package sdktest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

func crashCases() []Case {
	compute := pb.Compute_ServiceDesc.ServiceName
	return []Case{
		{"crash/create", LevelCrash, "The plugin is killed between a Create and its answer: repeated, the same Create ends in exactly one machine under its key.", compute, killInCreate},
		{"crash/delete", LevelCrash, "The plugin is killed between a Delete and its answer: repeated, nothing is left.", compute, killInDelete},
	}
}

// killDuring starts a call, kills the plugin after a delay, and has a new one.
func (e *Env) killDuring(ctx context.Context, delay time.Duration, call func(ctx context.Context)) error {
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call(calling)
	}()
	pause(ctx, delay)
	p, err := e.Target.KillAndRestart(ctx)
	// A call that does not notice the death of its plugin is ended here.
	cancel()
	<-done
	if err != nil {
		return fmt.Errorf("start again: %w", err)
	}
	if err := e.use(ctx, p); err != nil {
		return fmt.Errorf("after the start: %w", err)
	}
	e.settled(ctx)
	return nil
}

func killInCreate(ctx context.Context, e *Env) error {
	if e.Target.KillAndRestart == nil {
		return ErrSkip
	}
	var faults []error
	for _, delay := range e.Target.KillAfter {
		when := fmt.Sprintf("killed %v after Create was sent", delay)
		o := e.owner()
		req, err := e.request(ctx, o)
		if err != nil {
			return err
		}
		err = e.killDuring(ctx, delay, func(ctx context.Context) { _, _ = e.create(ctx, req) })
		if err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		first, err := e.untilRunning(ctx, req)
		if err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		if i, err := e.get(ctx, o); err != nil || i.GetId() != first.GetId() {
			faults = append(faults, fmt.Errorf("%s: Get by key gives %q, error %w; Create gave %q", when, i.GetId(), err, first.GetId()))
		}
		faults = append(faults,
			e.holds(ctx, o.GetBroker(), 1, when+" and repeated"),
			e.remove(ctx, o),
			e.holds(ctx, o.GetBroker(), 0, when+", repeated and deleted"))
	}
	return errors.Join(faults...)
}

func killInDelete(ctx context.Context, e *Env) error {
	if e.Target.KillAndRestart == nil {
		return ErrSkip
	}
	var faults []error
	for _, delay := range e.Target.KillAfter {
		when := fmt.Sprintf("killed %v after Delete was sent", delay)
		o, _, err := e.running(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		if err := e.killDuring(ctx, delay, func(ctx context.Context) { _ = e.remove(ctx, o) }); err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		faults = append(faults, e.remove(ctx, o), e.holds(ctx, o.GetBroker(), 0, when+" and repeated"))
	}
	return errors.Join(faults...)
}
