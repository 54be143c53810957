package api_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/place"
)

// copied adds a provider that has what another one has now: the same volumes in
// another place.
func (w *world) copied(from, name string) {
	w.t.Helper()
	w.add(name, "mem", vault)
	state := func(provider string) string {
		cfg, err := w.ledger.Provider(w.t.Context(), provider)
		if err != nil {
			w.t.Fatal(err)
		}
		var settings struct {
			StateDir string `json:"state_dir"`
		}
		if err := json.Unmarshal(cfg.Settings, &settings); err != nil {
			w.t.Fatal(err)
		}
		return filepath.Join(settings.StateDir, "state.json")
	}
	data, err := os.ReadFile(state(from))
	if err == nil {
		err = os.WriteFile(state(name), data, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// A volume in several places is meant where it was written last; where that is not
// clear, or it is to be removed, the place must be said. Volumes that are only
// called alike are never taken for one.
func TestVolumeInSeveralPlaces(t *testing.T) {
	w := newWorld(t)
	w.add("near", "mem", vault)
	w.add("hosts", "mem", hosts)
	v := w.volume("data")
	w.copied("near", "far")
	w.mustDeploy(api.DeployRequest{Name: "web", Policy: place.Policy{Provider: "hosts"}})
	_, _, err := w.ShowVolume(t.Context(), "data")
	refused(t, err, core.Invalid, "2 volumes are called so")
	_, _, err = w.ShowVolume(t.Context(), v.ID)
	refused(t, err, core.Invalid, "2 volumes are called so")

	write := func(volume string) string {
		t.Helper()
		v, err := w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of(volume), Machine: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.DetachVolume(t.Context(), api.DetachVolumeRequest{VolumeRequest: of(v.Provider + "/" + v.ID)}); err != nil {
			t.Fatal(err)
		}
		return v.Provider
	}
	write("far/data")
	for _, name := range []string{"data", v.ID, v.ID[:len(v.ID)-1]} {
		if got, _, err := w.ShowVolume(t.Context(), name); err != nil || got.Provider != "far" || got.ID != v.ID {
			t.Errorf("%s is at %q, %v", name, got.Provider, err)
		}
	}
	if at := write(v.ID); at != "far" {
		t.Errorf("it is written at %s", at)
	}
	// Said by its place or not, it is written where it is newest alone.
	_, err = w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of("near/data"), Machine: "web"})
	refused(t, err, core.Conflict, "far/"+v.ID+" is newer, of epoch 2, and this one of 0")
	if _, err := w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of("near/data"), Machine: "web", ReadOnly: true}); err != nil {
		t.Error(err)
	}
	if _, err := w.DetachVolume(t.Context(), api.DetachVolumeRequest{VolumeRequest: of("near/data")}); err != nil {
		t.Error(err)
	}
	// A provider that is gone for good says nothing any more.
	gone, err := w.ledger.Provider(t.Context(), "far")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RemoveProvider(t.Context(), "far"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		write("near/data")
	}
	if err := w.ledger.PutProvider(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if at := write("data"); at != "near" {
		t.Errorf("it is written at %s", at)
	}
	_, err = w.RemoveVolume(t.Context(), of(v.ID))
	refused(t, err, core.Invalid, "2 volumes are called so")
	if w.held("near") != 1 || w.held("far") != 1 {
		t.Error("one is gone")
	}

	other, err := w.CreateVolume(t.Context(), api.CreateVolumeRequest{Name: "data", Spec: spec(1), Policy: place.Policy{Provider: "near"}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.ShowVolume(t.Context(), "data")
	refused(t, err, core.Invalid, "3 volumes are called so")
	// The same vid, made for something else.
	alike, err := w.CreateVolume(t.Context(), api.CreateVolumeRequest{Name: "data", Spec: spec(1), Policy: place.Policy{Provider: "far"}})
	if err != nil || alike.ID != other.ID {
		t.Fatalf("%s and %s, %v", alike.ID, other.ID, err)
	}
	write("far/" + alike.ID)
	_, _, err = w.ShowVolume(t.Context(), other.ID)
	refused(t, err, core.Invalid, "2 volumes are called so")
	if _, err := w.RemoveVolume(t.Context(), of("far/"+v.ID)); err != nil {
		t.Error(err)
	}
	if got, _, err := w.ShowVolume(t.Context(), v.ID); err != nil || got.Provider != "near" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A machine writes to a volume where it was written last; where that is not clear,
// the no names all places.
func TestDeployOfAVolumeInSeveralPlaces(t *testing.T) {
	w := newWorld(t)
	w.add("near", "mem", vault)
	w.add("hosts", "mem", hosts)
	v := w.volume("data")
	w.copied("near", "far")
	p := pledge()
	p.Volumes = []core.VolumeRequest{{VID: v.ID}}
	_, err := w.deploy(api.DeployRequest{Pledge: p})
	e, ok := err.(*core.Error)
	if !ok || e.Kind != core.NoOffer || !strings.Contains(strings.Join(faultTexts(e), "\n"), "far and near have it with the same epoch 0, and none of them says who writes") {
		t.Errorf("%+v", err)
	}
	p.Volumes[0].ReadOnly = true
	a := w.mustDeploy(api.DeployRequest{Name: "reads", Pledge: p})
	if !a.Offer.Volumes[0].ReadOnly {
		t.Errorf("%+v", a.Offer.Volumes)
	}
	if _, err := w.Remove(t.Context(), api.RemoveRequest{Name: "reads"}); err != nil {
		t.Fatal(err)
	}

	w.mustDeploy(api.DeployRequest{Name: "web", Policy: place.Policy{Provider: "hosts"}})
	for range 2 {
		if _, err := w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of("far/data"), Machine: "web"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.DetachVolume(t.Context(), api.DetachVolumeRequest{VolumeRequest: of("far/data")}); err != nil {
			t.Fatal(err)
		}
	}
	p.Volumes[0].ReadOnly = false
	if a := w.mustDeploy(api.DeployRequest{Pledge: p}); a.Offer.Volumes[0].Provider != "far" || a.Offer.Volumes[0].ReadOnly {
		t.Errorf("%+v", a.Offer.Volumes)
	}
}
