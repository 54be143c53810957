package api_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
)

// both are what List and Show say of one machine.
func (w *world) both(name string) []core.Allocation {
	w.t.Helper()
	shown, _, err := w.Show(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := w.List(w.t.Context(), api.ListRequest{})
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(a core.Allocation) bool { return a.ID == shown.ID })
	if i < 0 {
		w.t.Fatalf("%s is not listed", name)
	}
	return []core.Allocation{shown, list[i]}
}

func TestLookingAtADeadProvider(t *testing.T) {
	for name, kill := range map[string]func(*world){
		"dies":        func(w *world) { w.change("p", "mem", `"faults":{"get":"die"}`) },
		"unavailable": func(w *world) { w.change("p", "mem", `"faults":{"get":"unavailable"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add("p", "mem", "")
			w.add("q", "mem", `"core_price":"0.05"`)
			was := w.mustDeploy(api.DeployRequest{Name: "web1"})
			only := api.DeployRequest{Name: "web2"}
			only.Policy.Provider = "q"
			w.mustDeploy(only)
			kill(w)
			for _, a := range w.both("web1") {
				if a.State != core.Running || !a.LastSeen.Equal(was.UpdatedAt) || !strings.Contains(a.Message, "not reached") {
					t.Errorf("%s, seen %s, %q", a.State, a.LastSeen, a.Message)
				}
			}
			if name == "unavailable" {
				for _, a := range w.both("web2") {
					if a.State != core.Running || !a.LastSeen.IsZero() {
						t.Errorf("the other one: %s, %q", a.State, a.Message)
					}
				}
			}
		})
	}
}

// A plugin that is gone from the disk says nothing of its machines.
func TestLookingWithoutThePlugin(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.mustDeploy(api.DeployRequest{Name: "web1"})
	h := host.New(host.Options{Finder: host.Finder{Dirs: []string{t.TempDir()}}, RuntimeDir: filepath.Join(os.TempDir(), "unused")})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	bare := api.New(api.Options{Ledger: w.ledger, Host: h})
	a, _, err := bare.Show(t.Context(), "web1")
	if err != nil || a.State != core.Running || a.LastSeen.IsZero() {
		t.Errorf("%s, %q, %v", a.State, a.Message, err)
	}
}

// What vanished is shown as failed; looking changes nothing.
func TestLookingAtWhatVanished(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	a := w.mustDeploy(api.DeployRequest{Name: "web1"})
	cfg, err := w.ledger.Provider(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Host.Provider(cfg).Delete(t.Context(), core.InstanceRef{Owner: a.Instance.Owner}); err != nil {
		t.Fatal(err)
	}
	for _, a := range w.both("web1") {
		if a.State != core.Failed || !strings.Contains(a.Message, "no longer has it") {
			t.Errorf("%s, %q", a.State, a.Message)
		}
	}
	if kept, err := w.ledger.Allocation(t.Context(), a.ID); err != nil || kept.State != core.Running {
		t.Errorf("the ledger has %s, %v", kept.State, err)
	}
	if a, err := w.Remove(t.Context(), api.RemoveRequest{Name: "web1"}); err != nil || a.State != core.Gone {
		t.Errorf("rm: %s, %v", a.State, err)
	}
}

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

func TestWait(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	a := w.mustDeploy(api.DeployRequest{Name: "web1", WaitFor: api.WaitAddress})
	if a.Instance == nil || len(a.Instance.Addresses) == 0 || !strings.HasSuffix(w.steps(a.ID), "running address") {
		t.Errorf("%+v after %s", a.Instance, w.steps(a.ID))
	}

	// Nobody is at 192.0.2.1; the machine stays.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	a, err := w.Deploy(ctx, api.DeployRequest{Name: "web1", Pledge: pledge(), WaitFor: api.WaitSSH})
	refused(t, err, core.Uncertain, "for ssh at 192.0.2.1 ended before")
	if a.State != core.Running || w.machines("p") != 1 {
		t.Errorf("it is %s, with %d machines", a.State, w.machines("p"))
	}
}

func TestWaitEndsByTheDeadline(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", `"no_address":true`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	a, err := w.Deploy(ctx, api.DeployRequest{Name: "web1", Pledge: pledge(), WaitFor: api.WaitAddress})
	refused(t, err, core.Uncertain, "for an address ended before")
	if a.State != core.Running || a.ID == "" {
		t.Errorf("%+v", a)
	}
}

func TestWaitForWhatRunsNoMore(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.mustDeploy(api.DeployRequest{Name: "web1"})
	if _, err := w.Power(t.Context(), "web1", core.PowerStop, nil); err != nil {
		t.Fatal(err)
	}
	a, err := w.deploy(api.DeployRequest{Name: "web1", WaitFor: api.WaitAddress})
	refused(t, err, core.Unavailable, "is stopped before it had an address")
	if a.State != core.Stopped {
		t.Errorf("it is %s", a.State)
	}
}

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
