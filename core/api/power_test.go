package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func (w *world) steps(id string) string {
	w.t.Helper()
	events, err := w.Events(w.t.Context(), id, 0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var steps []string
	for _, e := range events {
		steps = append(steps, e.Step)
	}
	return strings.Join(steps, " ")
}

func TestPower(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	a := w.mustDeploy(api.DeployRequest{Name: "web1"})
	var told []string
	a, err := w.Power(t.Context(), "web1", core.PowerStop, func(p api.Progress) { told = append(told, p.Step+" "+p.Text) })
	if err != nil || a.State != core.Stopped || a.Instance.State != core.Stopped {
		t.Errorf("%+v, %v", a, err)
	}
	if want := []string{"power.intended stop", "power.done stopped"}; !slices.Equal(told, want) {
		t.Errorf("told of %q", told)
	}
	if a, err = w.Power(t.Context(), "web1", core.PowerStart, nil); err != nil || a.State != core.Running {
		t.Errorf("%s, %v", a.State, err)
	}
	if got := w.steps(a.ID); !strings.HasSuffix(got, "running power.intended power.done power.intended power.done") {
		t.Errorf("events: %s", got)
	}
}

// A command for the power of a machine that another works on waits for its turn,
// and no longer than others do.
func TestPowerTakesTurns(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	a := w.mustDeploy(api.DeployRequest{Name: "web1"})
	unlock, err := w.ledger.Lock(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	_, err = w.Power(t.Context(), "web1", core.PowerStop, nil)
	refused(t, err, core.Busy, "it is being driven by")
	var told []string
	a, err = w.Power(t.Context(), "web1", core.PowerStop, func(p api.Progress) {
		told = append(told, p.Step+" "+p.Name)
		if p.Step == "lock.waiting" && strings.HasPrefix(p.Text, "waiting: it is being driven by") {
			unlock()
		}
	})
	if err != nil || a.State != core.Stopped {
		t.Errorf("%s, %v", a.State, err)
	}
	if want := []string{"lock.waiting web1", "power.intended web1", "power.done web1"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}

func TestPowerThatFails(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", `"faults":{"power":"denied"}`)
	a := w.mustDeploy(api.DeployRequest{Name: "web1"})
	_, err := w.Power(t.Context(), "web1", core.PowerStop, nil)
	refused(t, err, core.Denied, "")
	if got := w.steps(a.ID); !strings.HasSuffix(got, "power.intended power.failed") {
		t.Errorf("events: %s", got)
	}
}

// A machine that is to be removed stays so, whatever is asked of its power.
func TestPowerDoesNotUndoARemoval(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", `"faults":{"delete":"unavailable"}`)
	w.mustDeploy(api.DeployRequest{Name: "web1"})
	_, err := w.Remove(t.Context(), api.RemoveRequest{Name: "web1"})
	refused(t, err, core.Uncertain, "could not be removed yet")
	_, err = w.Power(t.Context(), "web1", core.PowerReboot, nil)
	refused(t, err, core.Busy, "it is releasing")
	w.change("p", "mem", "")
	taken, err := w.Resume(t.Context(), "", nil)
	if err != nil || len(taken) != 1 || taken[0].State != core.Gone || w.machines("p") != 0 {
		t.Errorf("%+v, %v, %d machines", taken, err, w.machines("p"))
	}
}
