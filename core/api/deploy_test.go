package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

func TestSameNameIsSameMachine(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	first := w.mustDeploy(api.DeployRequest{Name: "web1"})
	again := w.mustDeploy(api.DeployRequest{Name: "web1", Choose: func(api.OffersResult) (core.Quote, error) {
		t.Error("asked to choose for a machine that exists")
		return core.Quote{}, nil
	}})
	if again.ID != first.ID || w.machines("p") != 1 {
		t.Errorf("%s and %s, %d machines", first.ID, again.ID, w.machines("p"))
	}

	other := pledge()
	other.Login.Password = core.NewSecret("hunter3")
	_, err := w.deploy(api.DeployRequest{Name: "web1", Pledge: other})
	refused(t, err, core.Conflict, "has this name and another spec")

	if _, err := w.Remove(t.Context(), api.RemoveRequest{Name: "web1"}); err != nil {
		t.Fatal(err)
	}
	if next := w.mustDeploy(api.DeployRequest{Name: "web1"}); next.ID == first.ID || w.machines("p") != 1 {
		t.Errorf("after rm: %s again, %d machines", next.ID, w.machines("p"))
	}
}

// The name of a spec begins the names of its machines, and names none.
func TestSpecIsDeployedAsOftenAsAsked(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	p := pledge()
	p.Name = "web"
	a, b := w.mustDeploy(api.DeployRequest{Pledge: p}), w.mustDeploy(api.DeployRequest{Pledge: p})
	if a.ID == b.ID || a.Name != "web-"+a.ID || w.machines("p") != 2 {
		t.Errorf("%s and %s, %d machines", a.Name, b.Name, w.machines("p"))
	}
}

func TestBoundOffer(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world, *api.DeployRequest)
		kind   core.Kind
		text   string
	}{
		{"as shown", func(*world, *api.DeployRequest) {}, "", ""},
		{"cheaper now", func(w *world, _ *api.DeployRequest) { w.change("p", "mem", `"core_price":"0.01"`) }, "", ""},
		{"another spec", func(_ *world, r *api.DeployRequest) { r.Pledge.MemoryMiB++ }, core.Invalid, "answered another spec"},
		{"expired", func(w *world, _ *api.DeployRequest) { w.later = 2 * time.Minute }, core.Conflict, "expired at"},
		{"dearer now", func(w *world, _ *api.DeployRequest) { w.change("p", "mem", `"core_price":"0.03"`) }, core.Conflict, "price rose from"},
		{"sold out", func(w *world, _ *api.DeployRequest) { w.change("p", "mem", `"capacity":0`) }, core.Exhausted, "the offer was refused"},
		{"unknown", func(_ *world, r *api.DeployRequest) { r.OfferID = "nothing0" }, core.NotFound, "no such quote"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.add("p", "mem", "")
			w.add("q", "mem", `"core_price":"0.05"`)
			req := api.DeployRequest{Pledge: pledge(), OfferID: w.offers().Quotes[0].ID, Choose: func(api.OffersResult) (core.Quote, error) {
				t.Error("asked to choose")
				return core.Quote{}, nil
			}}
			c.change(w, &req)
			a, err := w.deploy(req)
			if c.kind != "" {
				refused(t, err, c.kind, c.text)
				if w.machines("p")+w.machines("q") != 0 {
					t.Error("a machine was made")
				}
				return
			}
			if err != nil || a.State != core.Running || a.Offer.ID != req.OfferID || a.Offer.Provider != "p" {
				t.Errorf("%s at %+v, %v", a.State, a.Offer, err)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.add("q", "mem", `"core_price":"0.05"`)
	second := func(r api.OffersResult) (core.Quote, error) { return r.Quotes[1], nil }
	a := w.mustDeploy(api.DeployRequest{Choose: second})
	if a.Offer.Provider != "q" {
		t.Errorf("made at %s", a.Offer.Provider)
	}
	stored, err := w.ledger.Allocation(t.Context(), a.ID)
	if err != nil || len(stored.Placement.Quotes) != 2 || stored.Placement.Quotes[1].Provider != "p" || stored.Placement.Why != "chosen by hand" {
		t.Errorf("placement %+v, %v", stored.Placement, err)
	}

	never := errors.New("nobody chose")
	_, err = w.deploy(api.DeployRequest{Choose: func(api.OffersResult) (core.Quote, error) { return core.Quote{}, never }})
	if !errors.Is(err, never) || len(w.allocations()) != 1 {
		t.Errorf("%v, %d allocations", err, len(w.allocations()))
	}
}

func TestDryRunLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	left := w.killedAt("create.intended.committed", api.DeployRequest{Name: "left"})
	a, err := w.deploy(api.DeployRequest{Name: "web1", DryRun: true})
	if err != nil || a.ID != "" || a.State != core.Pending || a.Offer == nil || a.Offer.Provider != "p" {
		t.Errorf("%+v, %v", a, err)
	}
	if list := w.allocations(); len(list) != 1 || list[0].ID != left.ID || list[0].State != left.State || w.machines("p") != 0 {
		t.Errorf("left are %+v and %d machines", list, w.machines("p"))
	}
}

func TestNoOfferSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.add("q", "mem", `"faults":{"offer":"denied"}`)
	p := pledge()
	p.Slots = 100
	_, err := w.deploy(api.DeployRequest{Pledge: p})
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Kind != core.NoOffer || len(e.Faults) != 2 || e.Faults[1].Path != "q" {
		t.Fatalf("%+v", err)
	}
	if text := e.Faults[0].Text; !strings.Contains(text, "would fit with slots=64") {
		t.Errorf("p says %q", text)
	}
}

// What another process left is driven to its end by whoever deploys next.
func TestDeployTakesOver(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	left := w.killedAt("create.answered", api.DeployRequest{Name: "left"})
	w.mustDeploy(api.DeployRequest{Name: "web1"})
	if a, err := w.ledger.Allocation(t.Context(), left.ID); err != nil || a.State != core.Running || w.machines("p") != 2 {
		t.Errorf("it is %s, %v, with %d machines", a.State, err, w.machines("p"))
	}
}

// A provider that is dead holds the take-over, and not the user.
func TestTakeOverDoesNotHold(t *testing.T) {
	w := newWorld(t)
	w.add("p", "mem", "")
	w.add("q", "mem", `"core_price":"0.05"`)
	left := w.killedAt("create.answered", api.DeployRequest{Name: "left"})
	w.change("p", "mem", `"faults":{"get":"hang","offer":"hang"}`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begin := time.Now()
	only := api.DeployRequest{Name: "web1", Pledge: pledge()}
	only.Policy.Provider = "q"
	a, err := w.Deploy(ctx, only)
	if took := time.Since(begin); err != nil || a.State != core.Running || took > 10*time.Second {
		t.Errorf("%s, %v, after %s", a.State, err, took)
	}
	if now, err := w.ledger.Allocation(t.Context(), left.ID); err != nil || now.State.Final() {
		t.Errorf("what was left is %s, %v", now.State, err)
	}
}
