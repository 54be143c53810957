package host

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
)

// faulty is a provider of meson-plugin-faulty in a mode, in a host of its own.
func faulty(t *testing.T, mode string, change ...func(*Options)) *Provider {
	h := newHost(t, append([]func(*Options){quickPings}, change...)...)
	return h.Provider(core.ProviderConfig{Name: "p", Plugin: "faulty", Settings: []byte(`{"mode":"` + mode + `"}`)})
}

// However a plugin misbehaves in its answers, the fault is named, in time and
// within bounds, and nothing wrong gets through.
func TestFaultyAnswers(t *testing.T) {
	for _, test := range []struct {
		mode string
		kind core.Kind // of the answer to Offer
		want string
	}{
		{"", "", ""},
		{"hang", core.Unavailable, "did not answer before the deadline"},
		{"die", core.Unavailable, "ended before it had answered"},
		{"hang-configure", core.Unavailable, "configure provider"},
		{"die-configure", core.Unavailable, "configure provider"},
		{"fewer-vcpus", core.Internal, "0 vcpus: the pledge demands 2"},
		{"less-memory", core.Internal, "MiB of memory: the pledge demands 2048"},
		{"other-arch", core.Internal, `architecture "pdp11"`},
		{"no-quantities", core.Internal, "no quantities"},
		{"quantity-negative", core.Internal, "-1 is not positive"},
		{"control", core.Internal, "cannot be printed"},
		{"endless", core.Internal, "used twice"},
		{"huge", core.Internal, "too large"},
		{"reasons", core.Internal, "128 MiB when it is decoded"},
		{"log-crash", "", ""},
		{"log-flood", "", ""},
		{"log-megabytes", "", ""},
		{"grandchild", "", ""},
	} {
		t.Run(test.mode, func(t *testing.T) {
			p := faulty(t, test.mode)
			if _, err := p.Describe(t.Context()); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			timeout := 30 * time.Second
			if strings.HasPrefix(test.mode, "hang") {
				timeout = 2 * time.Second
			}
			ctx, cancel := contextWithTimeout(t, timeout)
			defer cancel()
			offers, reasons := 0, 0
			err := p.Offer(ctx, pledge(), core.OfferQuery{Horizon: 730}, func(o []core.Offer, r []core.Reason) error {
				offers, reasons = offers+len(o), reasons+len(r)
				for _, text := range []string{fmt.Sprint(o), fmt.Sprint(r)} {
					if strings.ContainsAny(text, "\x1b\x07\x00\u202e") {
						t.Errorf("%q holds control characters", text)
					}
				}
				return nil
			})
			runtime.ReadMemStats(&after)
			if core.KindOf(err) != test.kind || !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("%v: want %q, %q", err, test.kind, test.want)
			}
			if test.kind == "" && offers == 0 {
				t.Errorf("no offers, %d reasons", reasons)
			}
			if test.kind != "" && test.mode != "endless" && offers > 0 {
				t.Errorf("%d offers passed", offers)
			}
			if took := int64(after.TotalAlloc - before.TotalAlloc); took > 96<<20 && test.mode != "endless" {
				t.Errorf("%d MiB were allocated", took>>20)
			}
		})
	}
}

func TestFaultyPrices(t *testing.T) {
	for _, mode := range []string{"price-negative", "price-zero", "price-nan", "price-missing-currency", "price-mixed", "price-unit", "price-huge", "billing-negative", "billing-nowhere"} {
		t.Run(mode, func(t *testing.T) {
			list, err := faulty(t, mode).PriceList(t.Context())
			if list != nil || core.KindOf(err) != core.Internal {
				t.Errorf("%v, %v: want Internal, and no list", list, err)
			}
		})
	}
}

func TestFaultyCreate(t *testing.T) {
	for _, mode := range []string{"hang-create", "die-create"} {
		t.Run(mode, func(t *testing.T) {
			p := faulty(t, mode)
			offer := firstOffer(t, p)
			ctx, cancel := contextWithTimeout(t, 1500*time.Millisecond)
			defer cancel()
			req := request("k1")
			req.Offer = offer
			if _, err := p.Create(ctx, req); core.KindOf(err) != core.Uncertain {
				t.Errorf("%v: want Uncertain", err)
			}
			if err := p.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			// Looked up, it is not there, and that is certain.
			if _, err := p.Get(t.Context(), core.InstanceRef{Owner: req.Owner}); core.KindOf(err) != core.NotFound {
				t.Errorf("%v: want NotFound", err)
			}
		})
	}
}

func firstOffer(t *testing.T, p *Provider) (offer core.Offer) {
	t.Helper()
	err := p.Offer(t.Context(), pledge(), core.OfferQuery{Horizon: 730}, func(o []core.Offer, _ []core.Reason) error {
		if offer.ID == "" && len(o) > 0 {
			offer = o[0]
		}
		return nil
	})
	if err != nil || offer.ID == "" {
		t.Fatalf("offer %+v, %v", offer, err)
	}
	return offer
}

func TestFaultyDrain(t *testing.T) {
	p := faulty(t, "ignore-drain")
	firstOffer(t, p) // newHost checks that Close is in time
}

// A machine's whole life through a plugin that is written with the SDK, whose
// process is killed between any two calls.
func TestLifeOfAMachine(t *testing.T) {
	h := newHost(t)
	p := h.Provider(core.ProviderConfig{
		Name: "mem1", Plugin: "mem", Settings: []byte(`{"state_dir":"` + filepath.Join(t.TempDir(), "state") + `"}`),
	})
	crash := func() {
		t.Helper()
		if err := p.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	description, err := p.Describe(t.Context())
	if err != nil || description.Name != "mem" {
		t.Fatalf("%+v, %v", description, err)
	}
	items, err := p.Check(t.Context())
	if err != nil || len(items) == 0 {
		t.Errorf("check: %v, %v", items, err)
	}
	offer := firstOffer(t, p)
	list, err := p.PriceList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list.Quote(offer.Quantities, 730); err != nil || list.Revision != offer.ListRevision {
		t.Errorf("quote: %v, revisions %q and %q", err, list.Revision, offer.ListRevision)
	}
	crash()
	req := request("k1")
	req.Offer = offer
	made, err := p.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	crash()
	again, err := p.Create(t.Context(), req)
	if err != nil || again.ID != made.ID {
		t.Errorf("the same request again: %q, %v: want %q", again.ID, err, made.ID)
	}
	other := req
	other.Owner.Request = "r2"
	if _, err := p.Create(t.Context(), other); core.KindOf(err) != core.Conflict {
		t.Errorf("another request with the same key: %v: want Conflict", err)
	}
	crash()
	ref := core.InstanceRef{Owner: req.Owner}
	found, err := p.Get(t.Context(), ref)
	if err != nil || found.ID != made.ID || found.State != core.Running {
		t.Errorf("get: %+v, %v", found, err)
	}
	machines, err := p.List(t.Context(), "b1")
	if err != nil || len(machines) != 1 {
		t.Errorf("list: %v, %v", machines, err)
	}
	if machines, err := p.List(t.Context(), "b2"); err != nil || len(machines) != 0 {
		t.Errorf("another broker's list: %v, %v", machines, err)
	}
	byID := core.InstanceRef{ID: made.ID, Zone: found.Zone, Owner: core.Owner{Broker: "b1"}}
	if in, err := p.SetPower(t.Context(), byID, "b1", core.PowerStopHard); err != nil || in.ID != made.ID {
		t.Errorf("power: %+v, %v", in, err)
	}
	crash()
	watching, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan error, 1)
	seen := make(chan core.State, 100)
	go func() {
		gone <- p.Watch(watching, ref, func(in core.Instance) error { seen <- in.State; return nil })
	}()
	if state := <-seen; state != core.Stopped {
		t.Errorf("watch begins with %s: want stopped", state)
	}
	if err := p.Delete(t.Context(), ref); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := <-gone; err != nil {
		t.Errorf("watch: %v: want it to end when the machine is gone", err)
	}
	if err := p.Delete(t.Context(), ref); err != nil {
		t.Errorf("delete of what is gone: %v", err)
	}
	if _, err := p.Get(t.Context(), ref); core.KindOf(err) != core.NotFound {
		t.Errorf("get of what is gone: %v", err)
	}
}

// A plugin that is served by the SDK can be dialled.
func TestSDKReattach(t *testing.T) {
	path := filepath.Join(filepath.Dir(shortDir(t)), "mem.sock")
	serve(t, filepath.Join(pluginDir(), sdk.BinaryPrefix+"mem"), path)
	h := newHost(t, func(o *Options) { o.Reattach = `{"mem":"unix:` + path + `"}` })
	p := h.Provider(core.ProviderConfig{Name: "mem1", Plugin: "mem", Settings: []byte(`{}`)})
	firstOffer(t, p)
}
