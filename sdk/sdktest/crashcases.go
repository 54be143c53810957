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
		{"crash/create", LevelCrash, "The plugin is killed between a Create and its answer: repeated, the same Create ends in exactly one machine under its key.", compute, ofMachines(machines.killInCreate)},
		{"crash/delete", LevelCrash, "The plugin is killed between a Delete and its answer: repeated, nothing is left.", compute, ofMachines(machines.killInDelete)},
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

// eachKill tries something with a kill after each of the target's delays.
func (e *Env) eachKill(try func(when string, kill func(ctx context.Context, call func(context.Context)) error) error) error {
	if e.Target.KillAndRestart == nil {
		return ErrSkip
	}
	var faults []error
	for _, delay := range e.Target.KillAfter {
		when := fmt.Sprintf("killed %v after the call was sent", delay)
		err := try(when, func(ctx context.Context, call func(context.Context)) error { return e.killDuring(ctx, delay, call) })
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", when, err))
		}
	}
	return errors.Join(faults...)
}
