package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/place"
)

// withTwo is a machine that was made with one volume and given another one.
func (w *world) withTwo() core.Allocation {
	w.t.Helper()
	w.add("vault", "mem", vault)
	w.add("hosts", "mem", hosts)
	w.volume("later")
	p := pledge()
	p.Volumes = []core.VolumeRequest{{Name: "first", SizeMiB: 1024}}
	a := w.mustDeploy(api.DeployRequest{Name: "web", Pledge: p})
	if _, err := w.AttachVolume(w.t.Context(), api.AttachVolumeRequest{VolumeRequest: of("later"), Machine: "web"}); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// told is a list of the steps that a call tells of, those that are about volumes
// and power.
func told(steps *[]string) func(api.Progress) {
	return func(p api.Progress) { *steps = append(*steps, p.Step) }
}

// Before a machine starts, its host hears of each of its volumes again: it may
// have forgotten the passwords. The machine starts after that or not at all.
func TestStartReattaches(t *testing.T) {
	w := newWorld(t)
	a := w.withTwo()
	before := w.attached(a.ID)
	if _, err := w.Power(t.Context(), "web", core.PowerStop, nil); err != nil {
		t.Fatal(err)
	}
	var steps []string
	if _, err := w.Power(t.Context(), "web", core.PowerStart, told(&steps)); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(steps, " "), "power.intended export.sent reattach.sent export.sent reattach.sent power.done"; got != want {
		t.Errorf("told of %s, want %s", got, want)
	}
	if after := w.attached(a.ID); !slices.Equal(before, after) || len(after) != 2 {
		t.Errorf("attachments were %v, are %v", before, after)
	}
	steps = nil
	for _, action := range []core.PowerAction{core.PowerReboot, core.PowerRebootHard, core.PowerStop} {
		if _, err := w.Power(t.Context(), "web", action, told(&steps)); err != nil || slices.Contains(steps, "reattach.sent") {
			t.Errorf("%s: %v, %v", action, steps, err)
		}
	}
	for _, fault := range []struct{ provider, settings, text string }{
		{"hosts", hosts + `,"faults":{"attach":"denied"}`, "volume first of web"},
		{"vault", vault + `,"faults":{"export":"denied"}`, "volume first of web"},
	} {
		was := map[string]string{"hosts": hosts, "vault": vault}[fault.provider]
		w.change(fault.provider, "mem", fault.settings)
		_, err := w.Power(t.Context(), "web", core.PowerStart, nil)
		refused(t, err, core.Denied, fault.text)
		w.change(fault.provider, "mem", was)
		now, _, err := w.Show(t.Context(), "web")
		if err != nil || now.State != core.Stopped {
			t.Errorf("%s refused, and it is %s, %v", fault.provider, now.State, err)
		}
	}
	if got := w.steps(a.ID); !strings.HasSuffix(got, "power.intended power.failed") {
		t.Errorf("events: %s", got)
	}
	if a, err := w.Power(t.Context(), "web", core.PowerStart, nil); err != nil || a.State != core.Running {
		t.Errorf("%s, %v", a.State, err)
	}
}

// A volume that was cut off from a machine while its host was dead is taken off the
// machine before that starts again: somebody else may write to it by now. Where that
// does not succeed it does not start.
func TestStartLetsGo(t *testing.T) {
	for _, verb := range []string{"detach", "unlock"} {
		w := newWorld(t)
		a := w.withTwo()
		if _, err := w.Power(t.Context(), "web", core.PowerStop, nil); err != nil {
			t.Fatal(err)
		}
		w.change("hosts", "mem", hosts+`,"faults":{"detach":"unavailable","get":"unavailable"}`)
		var err error
		if verb == "detach" {
			_, err = w.DetachVolume(t.Context(), api.DetachVolumeRequest{VolumeRequest: of("later"), Machine: "web", Force: true})
		} else {
			_, err = w.UnlockVolume(t.Context(), api.UnlockVolumeRequest{VolumeRequest: of("later"), Who: "ada@desk", Force: true})
		}
		if err != nil {
			t.Fatal(verb, err)
		}
		if held := w.attached(a.ID); len(held) != 1 || !strings.HasPrefix(held[0], "first ") {
			t.Fatalf("%s: the ledger has %v", verb, held)
		}
		w.change("hosts", "mem", hosts)
		has := func() (names []string) {
			now, _, err := w.Show(t.Context(), "web")
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range now.Instance.Attachments {
				names = append(names, x.Name)
			}
			return names
		}
		if before := has(); !slices.Equal(before, []string{"first", "later"}) {
			t.Fatalf("%s: its host was dead, and it has %v", verb, before)
		}
		w.change("hosts", "mem", hosts+`,"faults":{"detach":"denied x1"}`)
		_, err = w.Power(t.Context(), "web", core.PowerStart, nil)
		refused(t, err, core.Denied, "volume later of web")
		if now, _, err := w.Show(t.Context(), "web"); err != nil || now.State != core.Stopped {
			t.Errorf("%s: it still has the volume, and is %s, %v", verb, now.State, err)
		}
		var steps []string
		if _, err := w.Power(t.Context(), "web", core.PowerStart, told(&steps)); err != nil {
			t.Fatal(verb, err)
		}
		if got, want := strings.Join(steps, " "), "power.intended letgo.sent export.sent reattach.sent power.done"; got != want {
			t.Errorf("%s: told of %s, want %s", verb, got, want)
		}
		if after := has(); !slices.Equal(after, []string{"first"}) {
			t.Errorf("%s: it was started with %v", verb, after)
		}
	}
}

// attached are the attachments that the ledger has of a machine, by name, id and
// state.
func (w *world) attached(machine string) []string {
	w.t.Helper()
	list, err := w.Attachments(w.t.Context(), machine)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, x := range list {
		all = append(all, strings.Join([]string{x.Name, x.ID, string(x.State)}, " "))
	}
	return all
}

// A volume that grows under a machine is attached again, so that the guest sees
// it; where that fails the volume has grown, and the same again tells it.
func TestResizeTellsTheMachine(t *testing.T) {
	w := newWorld(t)
	w.withTwo()
	w.mustDeploy(api.DeployRequest{Name: "other", Policy: place.Policy{Provider: "hosts"}})
	resize := func(gibs int64) ([]string, core.VolumeSpec, error) {
		req := of("later")
		var steps []string
		req.Progress = func(p api.Progress) { steps = append(steps, p.Name+" "+p.Step) }
		v, err := w.ResizeVolume(t.Context(), req, gibs*gib)
		return steps, v.VolumeSpec, err
	}
	want := []string{"web export.sent", "web reattach.sent"}
	if steps, v, err := resize(2); err != nil || !slices.Equal(steps, want) || v.SizeBytes != 2*gib {
		t.Errorf("%v, %+v, %v", steps, v, err)
	}
	w.change("hosts", "mem", hosts+`,"faults":{"attach":"denied x1"}`)
	_, v, err := resize(3)
	refused(t, err, core.Denied, "it has 3221225472 bytes now, and a machine that has it was not told")
	if steps, v, err := resize(3); err != nil || !slices.Equal(steps, want) || v.SizeBytes != 3*gib {
		t.Errorf("the same again: %v, %+v, %v", steps, v, err)
	}
	if v.SizeBytes != 3*gib {
		t.Errorf("with the error: %+v", v)
	}
	req := of("later")
	req.DryRun, req.Progress = true, func(p api.Progress) { t.Errorf("a dry run does %s", p.Step) }
	if _, err := w.ResizeVolume(t.Context(), req, 4*gib); err != nil {
		t.Error(err)
	}
	if _, err := w.DetachVolume(t.Context(), api.DetachVolumeRequest{VolumeRequest: of("later")}); err != nil {
		t.Fatal(err)
	}
	if steps, _, err := resize(5); err != nil || len(steps) != 0 {
		t.Errorf("on no machine: %v, %v", steps, err)
	}
}
