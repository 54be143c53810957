package api_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/host"
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
