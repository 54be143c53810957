package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mesoncloud/meson/core"
)

func TestExitCodes(t *testing.T) {
	of := func(k core.Kind) error { return core.Errorf(k, "x") }
	scoped := func(s core.Scope) error { return &core.Error{Kind: core.Exhausted, Scope: s} }
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, 0},
		{"invalid", of(core.Invalid), 2},
		{"not found", of(core.NotFound), 3},
		{"conflict", of(core.Conflict), 4},
		{"busy", of(core.Busy), 4},
		{"denied", of(core.Denied), 5},
		{"quota", scoped(core.ScopeQuota), 5},
		{"funds", scoped(core.ScopeFunds), 5},
		{"capacity", scoped(core.ScopeCapacity), 6},
		{"no offer", of(core.NoOffer), 6},
		{"uncertain", of(core.Uncertain), 8},
		{"interrupted", of(core.Interrupted), 130},
		{"unavailable", of(core.Unavailable), 1},
		{"internal", of(core.Internal), 1},
		{"foreign", errors.New("x"), 1},
		{"wrapped", fmt.Errorf("y: %w", of(core.NotFound)), 3},
		{"undone internal", &undoneError{of(core.Internal)}, 7},
		{"undone unavailable", &undoneError{of(core.Unavailable)}, 7},
		{"undone capacity", &undoneError{scoped(core.ScopeCapacity)}, 6},
		{"undone, refused by all", &undoneError{of(core.NoOffer)}, 7},
		{"undone quota", &undoneError{scoped(core.ScopeQuota)}, 5},
		{"undone conflict", &undoneError{of(core.Conflict)}, 4},
		{"undone interrupt", &undoneError{of(core.Interrupted)}, 130},
		{"joined alike", errors.Join(of(core.NotFound), of(core.NotFound)), 3},
		{"joined unlike", errors.Join(of(core.NotFound), of(core.Denied)), 1},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

// TestSettle: what the context's end did is told from what the provider did.
func TestSettle(t *testing.T) {
	interrupted, stop := context.WithCancelCause(t.Context())
	stop(core.Errorf(core.Interrupted, "interrupted"))
	late, cancel := new(app).within(t.Context(), 1)
	defer cancel()
	<-late.Done()
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want core.Kind
	}{
		{"canceled", interrupted, context.Canceled, core.Interrupted},
		{"unavailable by interrupt", interrupted, core.Errorf(core.Unavailable, "gone"), core.Interrupted},
		{"uncertain stays", interrupted, core.Errorf(core.Uncertain, "?"), core.Uncertain},
		{"denied stays", interrupted, core.Errorf(core.Denied, "no"), core.Denied},
		{"deadline", late, fmt.Errorf("ask: %w", context.DeadlineExceeded), core.Uncertain},
		{"deadline before anything was made", late, core.Errorf(core.Interrupted, "undone"), core.Unavailable},
		{"no end at all", t.Context(), core.Errorf(core.Unavailable, "gone"), core.Unavailable},
	} {
		if got := core.KindOf(settle(c.ctx, c.err)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if !errors.Is(context.Cause(late), context.DeadlineExceeded) {
		t.Error("the cause of a command's deadline is not DeadlineExceeded, which the broker looks for")
	}
}
