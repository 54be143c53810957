package upcloud

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// A machine is made of the offer, runs, tells of itself, and goes without a trace.
func TestLife(t *testing.T) {
	for _, c := range []struct {
		name, zone, plan string
		change           func(*pb.Pledge)
		config           map[string]any
	}{
		{name: "a plan with a disk", plan: "STARTER-"},
		{name: "a plan with a disk and an address", plan: "STARTER-", change: func(p *pb.Pledge) { p.PublicIpv4 = true }},
		{name: "a plan without a disk", plan: "CLOUDNATIVE-", change: func(p *pb.Pledge) { p.PublicIpv4 = true }},
		{name: "a larger disk than the plan's", plan: "STARTER-", change: func(p *pb.Pledge) { p.BootDiskGib = 300 }},
		{name: "a free size", plan: "custom-", change: func(p *pb.Pledge) { p.Slots = 3; p.MemoryMib = 5 << 10 }},
		{name: "a GPU", plan: "GPU-", change: l40s},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl := newCloud(t, quick())
			p := cl.provider(t, Hooks{})
			req := order1(t, p, c.change)
			for _, o := range ask1(t, p, with(c.change)).GetOffers() {
				if strings.HasPrefix(o.GetShape(), c.plan) {
					req.Offer = o
					break
				}
			}
			made, err := p.Create(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if made.GetState() != pb.InstanceState_INSTANCE_STATE_CREATING || made.GetProgress().GetStep() == "" {
				t.Errorf("made: %v, want creating with a step", made)
			}
			in := until1(t, p, req)
			o := req.GetOffer()
			want := &pb.Instance{
				Id: made.GetId(), Owner: req.GetOwner(), Name: req.GetName(), State: pb.InstanceState_INSTANCE_STATE_RUNNING,
				Region: o.GetRegion(), Zone: o.GetZone(), Shape: o.GetShape(), CreatedAt: in.GetCreatedAt(), Addresses: in.GetAddresses(), Consumer: o.GetConsumer(),
			}
			if !proto.Equal(in, want) {
				t.Errorf("have %v\nwant %v", in, want)
			}
			if got := in.GetAddresses()[0].GetPublic(); got != req.GetPledge().GetPublicIpv4() {
				t.Errorf("public address %v, asked for was %v", got, req.GetPledge().GetPublicIpv4())
			}
			data, user, keys := cl.UserData(in.GetId())
			if data != "#cloud-config\n{}\n" || user != "ann" || cmp.Diff(req.GetLogin().GetSshKeys(), keys) != "" {
				t.Errorf("user data %q, user %q, keys %q", data, user, keys)
			}
			cl.holds(t, 1)
			remove1(t, p, req)
			cl.empty(t)
			if _, err := p.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.NotFound {
				t.Errorf("Get after Delete: %v", err)
			}
		})
	}
}

// What a deploy and a removal ask for, beyond what is sold: README.md says why.
func TestRequestsOfALifeAreFew(t *testing.T) {
	cl := newCloud(t, atOnce())
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	before := cl.Stats().Requests
	made, err := p.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string, want map[upcloud.Operation]int) {
		t.Helper()
		if diff := cmp.Diff(want, cl.requests(t, before)); diff != "" {
			t.Errorf("%s (-want +have):\n%s", what, diff)
		}
		before = cl.Stats().Requests
	}
	same("create", map[upcloud.Operation]int{"list_servers": 1, "create_server": 1})
	if _, err := p.Create(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	same("create again, at once", map[upcloud.Operation]int{})
	if _, err := p.Get(t.Context(), &pb.GetRequest{Id: made.GetId()}); err != nil {
		t.Fatal(err)
	}
	same("get", map[upcloud.Operation]int{"get_server": 1})
	if err := p.List(t.Context(), &pb.ListRequest{Broker: req.GetOwner().GetBroker()}, func(*pb.Instance) error { return nil }); err != nil {
		t.Fatal(err)
	}
	same("list", map[upcloud.Operation]int{"list_servers": 1, "list_addresses": 1})
	remove1(t, p, req)
	same("delete", map[upcloud.Operation]int{"list_servers": 1, "get_server": 1, "stop_server": 1, "delete_server": 1, "list_storages": 1})
	remove1(t, p, req)
	same("delete again", map[upcloud.Operation]int{"list_servers": 1, "list_storages": 1})
	cl.empty(t)
}
