package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/mesoncloud/meson/core"
)

// The exit codes, a promise to programs.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitDenied      = 5
	exitNoOffer     = 6
	exitUndone      = 7
	exitGoing       = 8
	exitInterrupted = 130
)

// exitText is what help texts say of a code.
func exitText(code int) string {
	return map[int]string{
		exitOK:          "done",
		exitError:       "error",
		exitUsage:       "usage, or a file that is wrong: nothing was changed",
		exitNotFound:    "not found",
		exitConflict:    "conflict, or the price changed",
		exitDenied:      "denied, or a quota is used up",
		exitNoOffer:     "nobody offers it",
		exitUndone:      "the provider failed, and what it had made is undone",
		exitGoing:       "still going or uncertain: the id is printed",
		exitInterrupted: "interrupted",
	}[code]
}

// exitRule is the exit code for a kind of error; undone is the one where the
// command ended with everything undone after a provider had been asked.
type exitRule struct {
	kind         core.Kind
	code, undone int
}

func exitRules() []exitRule {
	return []exitRule{
		{core.Invalid, exitUsage, exitUsage},
		{core.NotFound, exitNotFound, exitUndone},
		{core.Conflict, exitConflict, exitConflict},
		{core.Busy, exitConflict, exitConflict},
		{core.Denied, exitDenied, exitDenied},
		{core.Exhausted, exitDenied, exitDenied}, // capacity: see exitCode
		{core.NoOffer, exitNoOffer, exitUndone},
		{core.Uncertain, exitGoing, exitGoing},
		{core.Interrupted, exitInterrupted, exitInterrupted},
		{core.Throttled, exitError, exitUndone},
		{core.Unsupported, exitError, exitUndone},
		{core.Unavailable, exitError, exitUndone},
		{core.Internal, exitError, exitUndone},
	}
}

// exitCode is the code for an error. A provider that is full is no offer, whether
// it said so when it was asked for offers or when it was asked for the machine;
// one whose quota or funds are used up is denied. Joined errors have the code that
// all agree on, else 1.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		codes := make([]int, 0, 2)
		for _, e := range many.Unwrap() {
			codes = append(codes, exitCode(e))
		}
		if codes = slices.Compact(codes); len(codes) == 1 {
			return codes[0]
		}
		return exitError
	}
	_, undone := errors.AsType[*undoneError](err)
	e, ok := errors.AsType[*core.Error](err)
	if ok && e.Kind == core.Exhausted && (e.Scope == core.ScopeCapacity || e.Scope == "") {
		return exitNoOffer
	}
	kind := core.KindOf(err)
	for _, r := range exitRules() {
		if r.kind == kind && undone {
			return r.undone
		} else if r.kind == kind {
			return r.code
		}
	}
	return exitError
}

// undoneError marks the error of a deploy that a provider failed and that left
// nothing behind.
type undoneError struct{ err error }

func (e *undoneError) Error() string { return e.err.Error() }
func (e *undoneError) Unwrap() error { return e.err }

// gaveUp is settle for what leaves nothing where it is ended.
func gaveUp(ctx context.Context, err error) error {
	err = settle(ctx, err)
	cause, caused := errors.AsType[*core.Error](context.Cause(ctx))
	if caused && cause.Kind == core.Uncertain && err == error(cause) {
		return core.Errorf(core.Unavailable, "%s, and nothing is left of it", cause.Text)
	}
	return err
}

// settle gives an error that came of the context's end the kind of its cause:
// the user's interrupt or the command's own deadline. Kinds that say more than
// "it was ended" stay as they are, but nobody interrupted what a deadline ended.
func settle(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = unjoin(err)
	cause, caused := errors.AsType[*core.Error](context.Cause(ctx))
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	switch kind := core.KindOf(err); {
	case kind == core.Interrupted && caused && cause.Kind == core.Uncertain:
		return core.Errorf(core.Unavailable, "%s, and nothing is left of it", cause.Text)
	case kind == core.Internal && ended, kind == core.Unavailable && ctx.Err() != nil:
	default:
		return err
	}
	if caused {
		return cause
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return core.Errorf(core.Uncertain, "%v", err)
	}
	return core.Errorf(core.Interrupted, "interrupted")
}
