package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/ledger"
)

// A deploy that was interrupted before is finished by the next command for its
// name: resume only undoes it, deploy then makes the machine.
func TestInterruptedBefore(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	for name, next := range map[string]func(name string) (core.Allocation, error){
		"resumed": func(name string) (core.Allocation, error) {
			taken, err := w.Resume(t.Context(), name, nil)
			return taken[0], err
		},
		"deployed": func(name string) (core.Allocation, error) { return w.deploy(api.DeployRequest{Name: name}) },
	} {
		left := w.killedAt("create.answered", api.DeployRequest{Name: name})
		if _, err := w.ledger.Change(t.Context(), left.ID, core.Event{Step: "abandoned", Text: "interrupted"}, func(a *core.Allocation) error {
			a.Abandoned = true
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		a, err := next(name)
		was, _, serr := w.Show(t.Context(), left.ID)
		if err := errors.Join(err, serr); err != nil || was.State != core.Failed || !strings.Contains(was.Message, "given up before: interrupted") {
			t.Errorf("%s: %s, %q, %v", name, was.State, was.Message, err)
		}
		if (a.State == core.Running) != (name == "deployed") || (w.machines("p") == 1) != (name == "deployed") {
			t.Errorf("%s: it is %s, with %d machines", name, a.State, w.machines("p"))
		}
		if _, err := w.Remove(t.Context(), api.RemoveRequest{Name: name}); err != nil {
			t.Error(err)
		}
	}
}

// Several machines that cannot be taken over are all named, in one order.
func TestResumeNamesAll(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	first := w.killedAt("create.answered", api.DeployRequest{Name: "left1"})
	w.add("q", "mem", "")
	w.change("p", "mem", `"faults":{"get":"unavailable"}`)
	begun := core.Allocation{
		ID: ledger.NewID(), Name: "left2", Pledge: pledge(), CreatedAt: time.Now(),
		Placement: core.Placement{Quotes: []core.Quote{{ID: "none", Offer: core.Offer{ID: "none", Provider: "p"}}}},
	}
	if err := w.ledger.Begin(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	told := map[string]string{} // by several drives, one at a time
	_, err := w.Resume(t.Context(), "", func(p api.Progress) { told[p.Name] = p.Allocation })
	if told["left1"] != first.ID || told["left2"] != begun.ID {
		t.Errorf("told of %v", told)
	}
	for _, id := range []string{first.ID, begun.ID} {
		if err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%v does not name %s", err, id)
		}
	}
}
