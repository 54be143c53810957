package kvm

import (
	"errors"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// awaitState watches a machine until it shows a state.
func awaitState(t *testing.T, p *Provider, in *pb.Instance, want pb.InstanceState) *pb.Instance {
	t.Helper()
	found := errors.New("found")
	var last *pb.Instance
	ctx, cancel := contextFor(t, 20*time.Second)
	defer cancel()
	err := p.Watch(ctx, &pb.GetRequest{Id: in.GetId(), Zone: in.GetZone()}, func(now *pb.Instance) error {
		last = now
		if now.GetState() == want {
			return found
		}
		return nil
	})
	if !errors.Is(err, found) {
		t.Fatalf("Watch never shows %v; last %v; %v", want, last, err)
	}
	return last
}

func setPower(t *testing.T, p *Provider, in *pb.Instance, action pb.SetPowerRequest_Action) *pb.Instance {
	t.Helper()
	out, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Zone: in.GetZone(), Broker: in.GetOwner().GetBroker(), Action: action})
	if err != nil {
		t.Fatalf("%v: %v", action, err)
	}
	return out
}

// A guest that listens to the power button stops; it can be started again, and
// a stopped machine is neither started by a repeated Create nor half made.
func TestPower(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("boot", l.hosts()[0]), Hooks{})
	broker := unique(t)
	req := labRequest(t, p, broker, broker+"-pow", bootPledge())
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	s, _ := openScreen(t, p, in, false)
	s.echo(t, "up") // it listens from here on

	setPower(t, p, in, pb.SetPowerRequest_ACTION_START)
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP)
	awaitState(t, p, in, pb.InstanceState_INSTANCE_STATE_STOPPED)
	again, err := p.Create(t.Context(), req)
	if err != nil || again.GetState() != pb.InstanceState_INSTANCE_STATE_STOPPED {
		t.Errorf("Create of a stopped machine: %v, %v", again.GetState(), err)
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP)
	_, err = p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_REBOOT_HARD})
	if sdk.KindOf(err) != sdk.Invalid {
		t.Errorf("reboot of a stopped machine: %v, want Invalid", err)
	}
	if out := setPower(t, p, in, pb.SetPowerRequest_ACTION_START); out.GetState() != pb.InstanceState_INSTANCE_STATE_RUNNING {
		t.Errorf("after start: %v", out.GetState())
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_REBOOT_HARD)
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	awaitState(t, p, in, pb.InstanceState_INSTANCE_STATE_STOPPED)
	_, err = p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Broker: "somebody-else", Action: pb.SetPowerRequest_ACTION_START})
	if sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("another broker: %v, want NotFound", err)
	}
}

// A guest that is deaf to the power button shows that it was asked; the plug
// works. Another process sees the same, since it stands on the domain.
func TestStopOfDeafGuest(t *testing.T) {
	l := theLab(t)
	config := l.config("deaf", l.hosts()[0])
	p := openProvider(t, config, Hooks{})
	broker := unique(t)
	req := labRequest(t, p, broker, broker+"-deaf", bootPledge())
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	if out := setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP); out.GetState() != pb.InstanceState_INSTANCE_STATE_STOPPING {
		t.Errorf("after stop: %v, want stopping", out.GetState())
	}
	other := openProvider(t, config, Hooks{})
	if out, err := other.Get(t.Context(), &pb.GetRequest{Id: in.GetId()}); err != nil || out.GetState() != pb.InstanceState_INSTANCE_STATE_STOPPING {
		t.Errorf("another process sees %v, %v", out.GetState(), err)
	}
	if out := setPower(t, p, in, pb.SetPowerRequest_ACTION_REBOOT_HARD); out.GetState() != pb.InstanceState_INSTANCE_STATE_RUNNING {
		t.Errorf("after a hard reboot: %v, want running", out.GetState())
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	awaitState(t, p, in, pb.InstanceState_INSTANCE_STATE_STOPPED)
	if out := setPower(t, p, in, pb.SetPowerRequest_ACTION_START); out.GetState() != pb.InstanceState_INSTANCE_STATE_RUNNING {
		t.Errorf("after start: %v: it was asked to stop in another life", out.GetState())
	}
}

func TestStatus(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		m    machine
		want pb.InstanceState
		says bool
	}{
		"never started":    {machine{state: libvirt.DOMAIN_SHUTOFF}, pb.InstanceState_INSTANCE_STATE_CREATING, false},
		"first start":      {machine{state: libvirt.DOMAIN_PAUSED, reason: int(libvirt.DOMAIN_PAUSED_STARTING_UP)}, pb.InstanceState_INSTANCE_STATE_CREATING, false},
		"another start":    {machine{ran: true, state: libvirt.DOMAIN_PAUSED, reason: int(libvirt.DOMAIN_PAUSED_STARTING_UP)}, pb.InstanceState_INSTANCE_STATE_STARTING, false},
		"runs":             {machine{ran: true, state: libvirt.DOMAIN_RUNNING}, pb.InstanceState_INSTANCE_STATE_RUNNING, false},
		"runs, unmarked":   {machine{state: libvirt.DOMAIN_RUNNING}, pb.InstanceState_INSTANCE_STATE_CREATING, false},
		"idle":             {machine{ran: true, state: libvirt.DOMAIN_BLOCKED}, pb.InstanceState_INSTANCE_STATE_RUNNING, false},
		"asked to stop":    {machine{ran: true, state: libvirt.DOMAIN_RUNNING, stopAsked: now.Add(-time.Minute)}, pb.InstanceState_INSTANCE_STATE_STOPPING, false},
		"does not stop":    {machine{ran: true, state: libvirt.DOMAIN_RUNNING, stopAsked: now.Add(-time.Hour)}, pb.InstanceState_INSTANCE_STATE_RUNNING, true},
		"shutting down":    {machine{ran: true, state: libvirt.DOMAIN_SHUTDOWN}, pb.InstanceState_INSTANCE_STATE_STOPPING, false},
		"stopped":          {machine{ran: true, state: libvirt.DOMAIN_SHUTOFF, reason: int(libvirt.DOMAIN_SHUTOFF_SHUTDOWN)}, pb.InstanceState_INSTANCE_STATE_STOPPED, false},
		"process died":     {machine{ran: true, state: libvirt.DOMAIN_SHUTOFF, reason: int(libvirt.DOMAIN_SHUTOFF_CRASHED)}, pb.InstanceState_INSTANCE_STATE_STOPPED, true},
		"failed to start":  {machine{ran: true, state: libvirt.DOMAIN_SHUTOFF, reason: int(libvirt.DOMAIN_SHUTOFF_FAILED)}, pb.InstanceState_INSTANCE_STATE_STOPPED, true},
		"guest crashed":    {machine{ran: true, state: libvirt.DOMAIN_CRASHED}, pb.InstanceState_INSTANCE_STATE_FAILED, true},
		"disk error":       {machine{ran: true, state: libvirt.DOMAIN_PAUSED, reason: int(libvirt.DOMAIN_PAUSED_IOERROR)}, pb.InstanceState_INSTANCE_STATE_FAILED, true},
		"paused by a hand": {machine{ran: true, state: libvirt.DOMAIN_PAUSED, reason: int(libvirt.DOMAIN_PAUSED_USER)}, pb.InstanceState_INSTANCE_STATE_RUNNING, true},
	} {
		if got, text := c.m.status(now); got != c.want || (text != "") != c.says {
			t.Errorf("%s: %v %q, want %v", name, got, text, c.want)
		}
	}
}

// A machine that ends by itself before its Create has answered was not made; one that
// was switched off meanwhile was.
func TestUnmade(t *testing.T) {
	for message, want := range map[string]pb.InstanceState{"": pb.InstanceState_INSTANCE_STATE_STOPPED, "crashed": pb.InstanceState_INSTANCE_STATE_FAILED} {
		if in := unmade(&pb.Instance{State: pb.InstanceState_INSTANCE_STATE_STOPPED, Message: message}); in.GetState() != want {
			t.Errorf("%q: %v", message, in.GetState())
		}
	}
	if in := unmade(&pb.Instance{State: pb.InstanceState_INSTANCE_STATE_RUNNING, Message: "paused"}); in.GetState() != pb.InstanceState_INSTANCE_STATE_RUNNING {
		t.Errorf("%v", in.GetState())
	}
}
