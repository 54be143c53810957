package upcloud

import (
	"errors"
	"strings"
	"testing"
	"time"

	emulator "github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What each fault of a Create is in the contract, and what it leaves. The broker
// does the next thing by that: definite kinds lead to the next offer, Throttled
// and Busy wait, the rest is looked up.
func TestFaultsOfCreate(t *testing.T) {
	refusal := func(status int, code string) emulator.Fault {
		return emulator.Fault{Kind: emulator.FaultError, Status: status, Code: code}
	}
	for _, c := range []struct {
		name   string
		faults []emulator.Fault
		kind   sdk.Kind
		scope  sdk.Scope
		// left is how many servers there are then.
		left int
	}{
		{name: "no capacity for the server", faults: []emulator.Fault{{Kind: emulator.FaultCapacity}}, kind: sdk.Exhausted, scope: sdk.ScopeCapacity},
		{name: "no capacity for the disk", faults: []emulator.Fault{refusal(409, "STORAGE_RESOURCES_UNAVAILABLE")}, kind: sdk.Exhausted, scope: sdk.ScopeCapacity},
		{name: "no address", faults: []emulator.Fault{refusal(409, "IP_ADDRESS_RESOURCES_UNAVAILABLE")}, kind: sdk.Exhausted, scope: sdk.ScopeCapacity},
		{name: "no device", faults: []emulator.Fault{refusal(409, "DEVICE_ALLOCATION_FAILED")}, kind: sdk.Exhausted, scope: sdk.ScopeCapacity},
		{name: "no credits", faults: []emulator.Fault{{Kind: emulator.FaultCredits}}, kind: sdk.Exhausted, scope: sdk.ScopeFunds},
		{name: "a trial account", faults: []emulator.Fault{{Kind: emulator.FaultTrial}}, kind: sdk.Exhausted, scope: sdk.ScopeFunds},
		{name: "a limit of cores", faults: []emulator.Fault{refusal(403, "SERVER_CORE_LIMIT_REACHED")}, kind: sdk.Exhausted, scope: sdk.ScopeQuota},
		{name: "a limit of servers in creation", faults: []emulator.Fault{refusal(403, "SERVER_CREATING_LIMIT_REACHED")}, kind: sdk.Exhausted, scope: sdk.ScopeQuota},
		{name: "wrong credentials", faults: []emulator.Fault{{Kind: emulator.FaultUnauthorized}}, kind: sdk.Denied},
		{name: "no right", faults: []emulator.Fault{{Kind: emulator.FaultForbidden}}, kind: sdk.Denied},
		{name: "the template is gone", faults: []emulator.Fault{refusal(404, "STORAGE_NOT_FOUND")}, kind: sdk.Unsupported},
		{name: "the plan is not sold there", faults: []emulator.Fault{refusal(400, "PLAN_INVALID")}, kind: sdk.Invalid},
		{name: "throttled", faults: []emulator.Fault{{Kind: emulator.FaultThrottled, Delay: 7 * time.Second}}, kind: sdk.Throttled},
		{name: "as a problem", faults: []emulator.Fault{{Kind: emulator.FaultCapacity}, {Kind: emulator.FaultProblem}}, kind: sdk.Exhausted, scope: sdk.ScopeCapacity},
		{
			name: "as a problem with a charset", faults: []emulator.Fault{{Kind: emulator.FaultCapacity}, {Kind: emulator.FaultProblemCharset}},
			kind: sdk.Exhausted, scope: sdk.ScopeCapacity,
		},
		{name: "503 and nothing done", faults: []emulator.Fault{{Kind: emulator.FaultServerErrorBefore}}, kind: sdk.Uncertain},
		{name: "a reset and nothing done", faults: []emulator.Fault{{Kind: emulator.FaultResetBefore}}, kind: sdk.Uncertain},
		{name: "no answer in time", faults: []emulator.Fault{{Kind: emulator.FaultHang}}, kind: sdk.Uncertain},
		{name: "503 though it was done", faults: []emulator.Fault{{Kind: emulator.FaultServerErrorAfter}}, left: 1},
		{name: "a reset though it was done", faults: []emulator.Fault{{Kind: emulator.FaultResetAfter}}, left: 1},
		{name: "half an answer", faults: []emulator.Fault{{Kind: emulator.FaultMalformed}}, left: 1},
		{name: "an answer of other types", faults: []emulator.Fault{{Kind: emulator.FaultWrongTypes}}, left: 1},
		{name: "an endless answer", faults: []emulator.Fault{{Kind: emulator.FaultOversized}}, left: 1},
		{name: "a slow answer", faults: []emulator.Fault{{Kind: emulator.FaultSlow, Delay: 50 * time.Millisecond}}, left: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl := newCloud(t, quick())
			p := hasty(provider(t, cl.url, map[string]any{"timeout": "1s"}, Hooks{}))
			req := order1(t, p, nil)
			for _, f := range c.faults {
				f.Operation = "create_server"
				cl.Faults().Add(f)
			}
			in, err := p.Create(t.Context(), req)
			e, _ := errors.AsType[*sdk.Error](err)
			switch {
			case c.kind == "" && err != nil:
				t.Fatalf("%v, want none", err)
			case c.kind == "" && in.GetOwner().GetKey() != req.GetOwner().GetKey():
				t.Errorf("made: %v", in)
			case c.kind != "" && (e == nil || e.Kind != c.kind || e.Scope != c.scope):
				t.Fatalf("%v of kind %q, want %q %q", err, sdk.KindOf(err), c.kind, c.scope)
			case c.kind == sdk.Throttled && e.RetryAfter != 7*time.Second:
				t.Errorf("retry after %v", e.RetryAfter)
			}
			cl.holds(t, c.left)
			if n := cl.Stats().Requests["create_server"]; n > 1 {
				t.Errorf("%d servers were asked for, want 1 at most", n)
			}
			cl.Faults().Clear()
			// The same attempt goes on as if nothing had been.
			insist(t, c.name, func() (bool, error) {
				in, err := p.Create(t.Context(), req)
				return in.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING, err
			})
			cl.holds(t, 1)
			remove1(t, p, req)
			cl.empty(t)
		})
	}
}

// A refusal by the account as it is, not by a switch.
func TestRefusalsOfTheAccount(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*cloud, *pb.Offer)
		scope  sdk.Scope
	}{
		{"credits", func(c *cloud, _ *pb.Offer) { c.SetAccount(func(a *emulator.Account) { a.Credits = 0 }) }, sdk.ScopeFunds},
		{"cores", func(c *cloud, _ *pb.Offer) { c.SetAccount(func(a *emulator.Account) { a.Limits.Cores = 0 }) }, sdk.ScopeQuota},
		{"storage", func(c *cloud, _ *pb.Offer) {
			c.SetAccount(func(a *emulator.Account) {
				a.Limits.StorageMaxIOPS, a.Limits.StorageStandard, a.Limits.StorageHDD = 0, 0, 0
			})
		}, sdk.ScopeQuota},
		{"stock", func(c *cloud, o *pb.Offer) { c.SetStock(o.GetZone(), o.GetShape(), 0) }, sdk.ScopeCapacity},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl := newCloud(t, atOnce())
			p := cl.provider(t, Hooks{})
			req := order1(t, p, nil)
			c.change(cl, req.GetOffer())
			_, err := p.Create(t.Context(), req)
			e, ok := errors.AsType[*sdk.Error](err)
			if !ok || e.Kind != sdk.Exhausted || e.Scope != c.scope || e.Code == "" {
				t.Errorf("%v of kind %q, want exhausted %s with UpCloud's own code", err, sdk.KindOf(err), c.scope)
			}
			cl.empty(t)
		})
	}
}

// A server whose answer was lost and which is not listed yet is not asked for
// again, neither by this process nor, after the window, by another one.
func TestLabelsComeLate(t *testing.T) {
	t.Parallel()
	clock := emulator.NewClock(emulator.ClockOptions{Manual: true})
	cl := newCloud(t, clock)
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	cl.Faults().Add(emulator.Fault{Kind: emulator.FaultLabelLag, Operation: "create_server", Delay: 10 * time.Second})
	cl.Faults().Add(emulator.Fault{Kind: emulator.FaultResetAfter, Operation: "create_server", Count: 1})
	p.timing.window = 60 * time.Millisecond // of which a sixth is spent at once
	if _, err := p.Create(t.Context(), req); sdk.KindOf(err) != sdk.Uncertain {
		t.Fatalf("create: %v, want Uncertain", err)
	}
	p.timing.window = time.Minute
	for range 3 {
		if _, err := p.Create(t.Context(), req); sdk.KindOf(err) != sdk.Uncertain {
			t.Fatalf("create again: %v, want Uncertain", err)
		}
	}
	cl.holds(t, 1)
	clock.Step(11 * time.Second)
	other := cl.provider(t, Hooks{})
	for _, p := range []*Provider{other, p} {
		in, err := p.Create(t.Context(), req)
		if err != nil || in.GetState() != pb.InstanceState_INSTANCE_STATE_CREATING {
			t.Errorf("found: %v, %v", in, err)
		}
	}
	cl.holds(t, 1)
	if n := cl.Stats().Requests["create_server"]; n != 1 {
		t.Errorf("%d servers were asked for, want 1", n)
	}
	clock.SetSpeed(1000)
	remove1(t, p, req)
	cl.empty(t)
}

// A Delete by a process that knows nothing, while the labels are not listed, finds
// the server by its disk.
func TestDeleteFindsByDisk(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	cl.Faults().Add(emulator.Fault{Kind: emulator.FaultLabelLag, Operation: "create_server", Delay: time.Hour})
	if _, err := p.Create(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	remove1(t, cl.provider(t, Hooks{}), req)
	cl.empty(t)
}

// A server in error has failed, with what is known; it is removed once UpCloud
// lets it be, and until then who asks is told.
func TestServerInError(t *testing.T) {
	t.Parallel()
	clock := quick()
	cl := newCloud(t, clock)
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	cl.Faults().Add(emulator.Fault{Kind: emulator.FaultServerState, Operation: "create_server", Delay: 200 * time.Second, Count: 1})
	in, err := p.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	becomes(t, p, in.GetId(), pb.InstanceState_INSTANCE_STATE_FAILED)
	in, err = p.Get(t.Context(), &pb.GetRequest{Id: in.GetId()})
	if err != nil || !strings.Contains(in.GetMessage(), "in error") {
		t.Errorf("%v, %v", in, err)
	}
	err = p.Delete(t.Context(), &pb.DeleteRequest{Id: in.GetId()})
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("delete in error: %v, want Busy", err)
	}
	insist(t, "later", func() (bool, error) { return true, p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}) })
	cl.empty(t)
}
