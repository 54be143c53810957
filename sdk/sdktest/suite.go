package sdktest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Case is one thing that a plugin must do.
type Case struct {
	// Name is "level/what", such as "life/offers".
	Name  string
	Level int
	// Explanation says what the contract asks for and why, for the author whose
	// plugin fails.
	Explanation string
	// Needs is the full name of the service without which the case is skipped;
	// empty: none.
	Needs string
	// Run returns what is wrong, all of it. ErrSkip: the target lacks what the
	// case needs.
	Run func(ctx context.Context, e *Env) error
}

// ErrSkip is the result of a case that does not apply.
var ErrSkip = errors.New("does not apply to this plugin")

// Cases are all cases, by level.
func Cases() []Case {
	return slices.Concat(configCases(), lifeCases(), idempotenceCases(), crashCases(), storageCases(), exportCases(), abilityCases(), growCases(), dataCases())
}

// RunCase runs a case and removes everything that it made, also when it fails;
// what could not be removed is part of the result.
func RunCase(ctx context.Context, e *Env, c Case) error {
	if c.Level > e.Target.Level {
		return ErrSkip
	}
	if c.Needs != "" && !e.Has(c.Needs) {
		return ErrSkip
	}
	e.begin()
	err := c.Run(ctx, e)
	// The clean-up has its own time: a case may have used up all of its own.
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.Target.Call+e.Window())
	defer cancel()
	return errors.Join(err, e.cleanUp(cleaning))
}

// Run runs all cases against a target as subtests, one after the other.
func Run(t *testing.T, target Target) {
	t.Helper()
	e, err := NewEnv(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			start := time.Now()
			err := RunCase(t.Context(), e, c)
			switch {
			case errors.Is(err, ErrSkip):
				t.Skip(err)
			case err != nil:
				t.Errorf("%v\n\nThe contract: %s (after %v)", err, c.Explanation, time.Since(start).Round(time.Millisecond))
			}
		})
	}
}

// serviceNames are the services that a plugin can have besides Plugin.
func serviceNames() []string {
	return []string{
		pb.Compute_ServiceDesc.ServiceName, pb.Storage_ServiceDesc.ServiceName, pb.Power_ServiceDesc.ServiceName,
		pb.Console_ServiceDesc.ServiceName, pb.Attacher_ServiceDesc.ServiceName, pb.AttachmentResizer_ServiceDesc.ServiceName,
		pb.Exporter_ServiceDesc.ServiceName,
		pb.Resizer_ServiceDesc.ServiceName, pb.Snapshotter_ServiceDesc.ServiceName, pb.Locker_ServiceDesc.ServiceName,
		pb.Renamer_ServiceDesc.ServiceName, pb.Converter_ServiceDesc.ServiceName, pb.Images_ServiceDesc.ServiceName, pb.Transfer_ServiceDesc.ServiceName,
	}
}
