package kvm

import (
	"context"
	"strings"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// gate is a hook that holds the work at one step until it is opened.
type gate struct {
	at            string
	reached, open chan struct{}
}

func newGate(at string) *gate {
	return &gate{at: at, reached: make(chan struct{}, 1), open: make(chan struct{})}
}

func (g *gate) step(name string) {
	if name == g.at {
		select {
		case g.reached <- struct{}{}:
		default:
		}
		<-g.open
	}
}

// Work that takes long does not keep the answer waiting: the machine is said to
// be creating, with its step; a repeated Create joins; another request is a
// Conflict; in the end the machine runs with what was asked for.
func TestLongCreate(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	g := newGate("image.made")
	p := openProvider(t, ownImage(t, l, host, 1<<20), Hooks{Step: g.step})
	broker := unique(t)
	ask := bootPledge()
	ask.Autostart = true
	req := plainRequest(broker, broker+"-long", host, ask)
	away(t, p, req.GetOwner())
	began := time.Now()
	in, err := p.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 3*createPatience {
		t.Errorf("Create took %v", took)
	}
	got, err := p.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()})
	if err != nil {
		t.Fatal(err)
	}
	for name, i := range map[string]*pb.Instance{"Create": in, "Get": got} {
		if i.GetState() != pb.InstanceState_INSTANCE_STATE_CREATING || i.GetProgress().GetStep() == "" {
			t.Errorf("%s: %v, want creating with its step", name, i)
		}
	}
	_, err = p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_START})
	if sdk.KindOf(err) != sdk.Busy {
		t.Errorf("start of a machine that is being made: %v, want Busy", err)
	}
	other := plainRequest(broker, broker+"-long", host, ask)
	other.Owner.Request = "another"
	if _, err := p.Create(t.Context(), other); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("another request: %v, want Conflict", err)
	}
	close(g.open)
	in = until(t, p, req)
	on, err := hosts.Ask(t.Context(), p.places[0].host, "look", func(c *libvirt.Connect) (bool, error) {
		d, err := c.LookupDomainByUUIDString(in.GetId())
		if err != nil {
			return false, err
		}
		defer d.Free()
		doc, err := d.GetXMLDesc(0)
		if err == nil && strings.Contains(doc, "passwd=") {
			t.Error("the console's password can be read without asking for secrets")
		}
		on, err := d.GetAutostart()
		return on, err
	})
	if err != nil || !on {
		t.Errorf("autostart %v, %v", on, err)
	}
}

// A Delete stops what is being made, and nothing is left.
func TestDeleteWhileCreating(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	g := newGate("disk.made")
	p := openProvider(t, l.config("boot", host), Hooks{Step: g.step})
	broker := unique(t)
	req := plainRequest(broker, broker+"-del", host, bootPledge())
	away(t, p, req.GetOwner())
	created := make(chan error, 1)
	go func() {
		_, err := p.Create(context.Background(), req)
		created <- err
	}()
	<-g.reached
	deleted := make(chan error, 1)
	go func() { deleted <- p.Delete(context.Background(), &pb.DeleteRequest{Owner: req.GetOwner()}) }()
	time.Sleep(50 * time.Millisecond)
	close(g.open)
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if err := <-created; err != nil && sdk.KindOf(err) != sdk.Uncertain {
		t.Errorf("the Create that was overtaken: %v, want Uncertain", err)
	}
	if left := remains(t, l, machineUUID(broker, req.GetOwner().GetKey())); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A provider that closes lets its work stop between two steps; another one goes
// on from there.
func TestCloseWhileCreating(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	config := l.config("boot", host)
	g := newGate("disk.made")
	p, err := open("rack1", config, testLog(t), Hooks{Step: g.step})
	if err != nil {
		t.Fatal(err)
	}
	broker := unique(t)
	req := plainRequest(broker, broker+"-close", host, bootPledge())
	next := openProvider(t, config, Hooks{})
	away(t, next, req.GetOwner())
	go func() { _, _ = p.Create(context.Background(), req) }()
	<-g.reached
	time.AfterFunc(50*time.Millisecond, func() { close(g.open) })
	ctx, cancel := contextFor(t, 10*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := next.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()})
	if err != nil || got.GetState() != pb.InstanceState_INSTANCE_STATE_CREATING {
		t.Errorf("after the close: %v, %v; want creating", got.GetState(), err)
	}
	until(t, next, req)
}

// A machine that its host cannot start is a definite refusal, and what was made
// for it is gone when the refusal arrives.
func TestStartFails(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	broker := unique(t)
	req := plainRequest(broker, broker+"-fail", host, bootPledge())
	id := machineUUID(broker, req.GetOwner().GetKey())
	var p *Provider
	p = openProvider(t, l.config("boot", host), Hooks{Step: func(name string) {
		if name == "volumes.made" {
			if err := p.places[0].discard(context.Background(), "meson", diskName(id)); err != nil {
				t.Error(err)
			}
		}
	}})
	away(t, p, req.GetOwner())
	_, err := p.Create(t.Context(), req)
	if sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("%v, want Unsupported", err)
	}
	if left := remains(t, l, id); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := p.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("Get: %v, want NotFound", err)
	}
}
