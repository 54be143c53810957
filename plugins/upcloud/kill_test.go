package upcloud

import (
	"strings"
	"testing"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	emulator "github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The process is killed just after every step of every call. The call repeated by
// another one ends as if nothing had been, and after a Delete nothing is left
// that costs, but for volumes of others.
func TestKillAtEveryStep(t *testing.T) {
	for _, step := range Steps() {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			what, _, _ := strings.Cut(step, ".")
			switch what {
			case "create":
				t.Run("and repeated", func(t *testing.T) { killInCreate(t, step, true) })
				t.Run("and deleted", func(t *testing.T) { killInCreate(t, step, false) })
			case "power":
				killInPower(t, step)
			case "attach", "detach":
				killInAttach(t, step)
			case "delete":
				killInDelete(t, step)
			case "volume", "export", "unexport":
				killInVolume(t, step)
			case "resize", "snapshot", "revert":
				killInSnapshot(t, step)
			case "image":
				killInImage(t, step)
			default:
				t.Errorf("nothing kills at step %s", step)
			}
		})
	}
}

// dies has a child do a task until it kills itself.
func dies(t *testing.T, c *cloud, work task) {
	t.Helper()
	work.Settings = settings(t, c.url, nil)
	if !startChild(t, work).wait(t) {
		t.Fatalf("the child came to no step %s", work.DieAt)
	}
}

func killInCreate(t *testing.T, step string, repeat bool) {
	c := newCloud(t, quick())
	p := c.provider(t, Hooks{})
	req := order1(t, p, nil)
	if step == "create.found" {
		c.Faults().Add(emulator.Fault{Kind: emulator.FaultResetAfter, Operation: "create_server", Count: 1})
	}
	dies(t, c, task{Create: wired(t, req), DieAt: step})
	if repeat {
		until1(t, p, req)
		c.holds(t, 1)
	}
	remove1(t, p, req)
	c.empty(t)
}

func killInPower(t *testing.T, step string) {
	c := newCloud(t, quick())
	p := c.provider(t, Hooks{})
	req := order1(t, p, nil)
	in := until1(t, p, req)
	stop := &pb.SetPowerRequest{Id: in.GetId(), Broker: req.GetOwner().GetBroker(), Action: pb.SetPowerRequest_ACTION_STOP}
	dies(t, c, task{Power: wired(t, stop), DieAt: step})
	if _, err := p.SetPower(t.Context(), stop); err != nil {
		t.Error(err)
	}
	becomes(t, p, in.GetId(), pb.InstanceState_INSTANCE_STATE_STOPPED)
	remove1(t, p, req)
	c.empty(t)
}

func killInAttach(t *testing.T, step string) {
	c := newCloud(t, quick())
	p := c.provider(t, Hooks{})
	req := order1(t, p, nil)
	in := until1(t, p, req)
	volume := c.volume(t, p, in.GetZone())
	attach := attachment(in, "data", volume)
	detach := &pb.DetachRequest{Id: in.GetId(), AttachmentId: "data"}
	work := task{Attach: wired(t, attach), DieAt: step}
	if strings.HasPrefix(step, "detach") {
		work.Detach = wired(t, detach)
	}
	dies(t, c, work)
	// Whatever stood there, both ways lead where they should.
	for range 2 {
		now, err := p.Attach(t.Context(), attach)
		if err != nil || len(now.GetAttachments()) != 1 {
			t.Errorf("attached: %v, %v", now.GetAttachments(), err)
		}
		now, err = p.Detach(t.Context(), detach)
		if err != nil || len(now.GetAttachments()) != 0 {
			t.Errorf("detached: %v, %v", now.GetAttachments(), err)
		}
	}
	remove1(t, p, req)
	c.onlyVolume(t, p, volume)
}

func killInDelete(t *testing.T, step string) {
	c := newCloud(t, quick())
	p := c.provider(t, Hooks{})
	req := order1(t, p, nil)
	in := until1(t, p, req)
	volume := c.volume(t, p, in.GetZone())
	if _, err := p.Attach(t.Context(), attachment(in, "data", volume)); err != nil {
		t.Fatal(err)
	}
	del := &pb.DeleteRequest{Owner: req.GetOwner()}
	dies(t, c, task{Delete: wired(t, del), DieAt: step})
	remove1(t, p, req)
	c.onlyVolume(t, p, volume)
}

// volume makes a storage that is none of Meson's.
func (c *cloud) volume(t *testing.T, p *Provider, zone string) string {
	t.Helper()
	d, err := p.api.CreateStorage(t.Context(), &request.CreateStorageRequest{Size: 10, Tier: "maxiops", Title: "somebody's", Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	return d.UUID
}

// onlyVolume fails the test unless that storage is there, whole and detached, and
// nothing else; it is gone then.
func (c *cloud) onlyVolume(t *testing.T, p *Provider, uuid string) {
	t.Helper()
	d, err := p.api.GetStorageDetails(t.Context(), &request.GetStorageDetailsRequest{UUID: uuid})
	if err != nil || d.State != "online" || len(d.ServerUUIDs) != 0 {
		t.Errorf("the volume of somebody else: %v, %v", d, err)
	}
	if err := p.api.DeleteStorage(t.Context(), &request.DeleteStorageRequest{UUID: uuid}); err != nil {
		t.Error(err)
	}
	c.empty(t)
}

func attachment(in *pb.Instance, id, volume string) *pb.AttachRequest {
	return &pb.AttachRequest{Id: in.GetId(), Broker: in.GetOwner().GetBroker(), Attachment: &pb.Attachment{
		Id: id, VolumeId: volume,
		Connection: &pb.Connection{Path: &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: volume}}},
	}}
}

// becomes waits for a state.
func becomes(t *testing.T, p *Provider, id string, want pb.InstanceState) {
	t.Helper()
	last := pb.InstanceState_INSTANCE_STATE_UNSPECIFIED
	ended := errDone{}
	err := p.Watch(contextFor(t, 10), &pb.GetRequest{Id: id}, func(in *pb.Instance) error {
		if last = in.GetState(); last == want {
			return ended
		}
		return nil
	})
	if last != want {
		t.Errorf("the state is %v, want %v; %v", last, want, err)
	}
}

type errDone struct{}

func (errDone) Error() string { return "done" }
