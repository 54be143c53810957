package api_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// onlyVolumes and onlyMachines are the in-memory provider with one half of what it
// serves.
type (
	onlyVolumes struct {
		sdk.Storage
		sdk.Exporter
	}
	onlyMachines struct {
		sdk.Compute
		sdk.Attacher
	}
)

// half serves one half of the in-memory plugin.
func half(name string) int {
	if name == "store" {
		return sdk.Main(halfOf(name, func(m *sdktest.MemProvider) onlyVolumes { return onlyVolumes{m, m} }))
	}
	return sdk.Main(halfOf(name, func(m *sdktest.MemProvider) onlyMachines { return onlyMachines{m, m} }))
}

func halfOf[P sdk.Provider](name string, cut func(*sdktest.MemProvider) P) sdk.Definition[sdktest.MemConfig, P] {
	whole := sdktest.Mem()
	d := sdk.Definition[sdktest.MemConfig, P]{
		Name: name, Version: whole.Version, Summary: whole.Summary, LiveInventory: true,
		Open: func(_ context.Context, name string, c *sdktest.MemConfig, log *slog.Logger) (p P, err error) {
			m, err := sdktest.OpenMem(name, c, log)
			if err != nil {
				return p, err
			}
			return cut(m), nil
		},
	}
	if name == "hosts" {
		d.Consumes = whole.Consumes
	}
	return d
}

// What makes volumes alone has not failed where machines are asked for, nor what
// makes machines alone where volumes are.
func TestHalvesHaveNotFailed(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "store", vault)
	_, err := w.Offers(t.Context(), api.OffersRequest{Pledge: pledge()})
	refused(t, err, core.NoOffer, "no provider that is configured makes machines")
	var req api.OffersRequest
	req.Policy.Provider = "vault"
	req.Pledge = pledge()
	_, err = w.Offers(t.Context(), req)
	refused(t, err, core.Unsupported, "it makes volumes, and no machines")

	w.add("rack", "hosts", hosts)
	p := pledge()
	p.Volumes = []core.VolumeRequest{{Name: "data", SizeMiB: 1024}}
	for _, p := range []core.Pledge{pledge(), p} {
		var heard []string
		got, err := w.Offers(t.Context(), api.OffersRequest{Pledge: p, OnAnswer: func(a core.Answer) { heard = append(heard, a.Provider) }})
		if err != nil || len(got.Quotes) == 0 || len(got.Failures) != 0 || len(got.Reasons) != 0 {
			t.Errorf("%d volumes: %d quotes, reasons %+v, failures %+v, %v", len(p.Volumes), len(got.Quotes), got.Reasons, got.Failures, err)
		}
		if len(heard) != 1 || heard[0] != "rack" {
			t.Errorf("heard of %v", heard)
		}
	}
	a := w.mustDeploy(api.DeployRequest{Name: "web", Pledge: p})
	if len(a.Volumes) != 1 {
		t.Errorf("%+v", a.Volumes)
	}
	volumes, err := w.VolumeOffers(t.Context(), api.VolumeOffersRequest{Spec: spec(1)})
	if err != nil || len(volumes.Quotes) != 1 || len(volumes.Failures) != 0 {
		t.Errorf("%+v, %v", volumes, err)
	}
	list, failures, err := w.ListVolumes(t.Context(), "")
	if err != nil || len(list) != 1 || len(failures) != 0 {
		t.Errorf("%+v, %+v, %v", list, failures, err)
	}
	// One that does not answer may make some.
	w.add("lost", "nowhere", "")
	if got := w.offers(); len(got.Failures) != 1 || got.Failures[0].Provider != "lost" {
		t.Errorf("failures: %+v", got.Failures)
	}
}
