package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func TestWait(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	a := w.mustDeploy(api.DeployRequest{Name: "web1", WaitFor: api.WaitAddress})
	if a.Instance == nil || len(a.Instance.Addresses) == 0 || !strings.HasSuffix(w.steps(a.ID), "running address") {
		t.Errorf("%+v after %s", a.Instance, w.steps(a.ID))
	}

	// Nobody is at 192.0.2.1; the machine stays.
	ctx, ends := endingAfter(t, "wait.ssh")
	a, err := w.Deploy(ctx, api.DeployRequest{Name: "web1", Pledge: pledge(), WaitFor: api.WaitSSH, Progress: ends})
	refused(t, err, core.Uncertain, "for ssh at 192.0.2.1 ended before")
	if a.State != core.Running || w.machines("p") != 1 {
		t.Errorf("it is %s, with %d machines", a.State, w.machines("p"))
	}
}

func TestWaitEndsByTheDeadline(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", `"no_address":true`)
	ctx, ends := endingAfter(t, "wait.address")
	a, err := w.Deploy(ctx, api.DeployRequest{Name: "web1", Pledge: pledge(), WaitFor: api.WaitAddress, Progress: ends})
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

// endingAfter is a context that ends a while after a step was told of, however
// long the machine takes to come so far.
func endingAfter(t *testing.T, step string) (context.Context, func(api.Progress)) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, func(p api.Progress) {
		if p.Step == step {
			time.AfterFunc(300*time.Millisecond, cancel)
		}
	}
}
