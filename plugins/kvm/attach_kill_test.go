package kvm

import (
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The process is killed just after every step of an Attach, of a Detach, and of a
// Create with a volume. The call that is repeated ends as it would have; the one
// that undoes it, and a Delete, leave nothing.
func TestKillLinks(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[2]
	p := openProvider(t, l.config("boot", host), Hooks{})
	from := consumerOf(t, p).GetInitiatorIqn()
	g := startTarget(t, l, blank(t, "", 1<<20), from)
	for _, step := range LinkSteps() {
		a := g.attachment("at-1", from)
		if strings.HasPrefix(step, "detach.") {
			t.Run(step, func(t *testing.T) { killInDetach(t, l, p, a, step) })
			continue
		}
		for _, how := range []string{"running, repeat", "running, delete", "stopped, repeat", "stopped, detach"} {
			t.Run(step+", "+how, func(t *testing.T) { killInAttach(t, l, p, a, step, how) })
		}
		for _, how := range []string{"repeat", "delete"} {
			t.Run(step+" in create, "+how, func(t *testing.T) { killInCreateWith(t, l, p, a, step, how == "repeat") })
		}
	}
}

// made is a machine for one of these tests.
func made(t *testing.T, p *Provider, stopped bool) *pb.Instance {
	t.Helper()
	broker := unique(t)
	req := plainRequest(broker, broker+"-k", p.places[0].Zone, bootPledge())
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	if stopped {
		setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	}
	return in
}

func killInAttach(t *testing.T, l lab, p *Provider, a *pb.Attachment, step, how string) {
	in := made(t, p, strings.HasPrefix(how, "stopped"))
	req := &pb.AttachRequest{Id: in.GetId(), Broker: in.GetOwner().GetBroker(), Attachment: a}
	if _, killed := startChild(t, task{Config: p.config, Attaches: [][]byte{mustMarshal(req)}, DieAt: step}).wait(t); !killed {
		t.Fatalf("the child came to no step %s", step)
	}
	switch {
	case strings.HasSuffix(how, "repeat"):
		attach(t, p, in, a)
		want := wired{live: strings.HasPrefix(how, "running"), config: true, secret: true, record: true}
		if have := wiredAs(t, p, in.GetId(), a.GetId()); have != want {
			t.Errorf("after the repeated Attach: %+v, want %+v", have, want)
		}
	case strings.HasSuffix(how, "detach"):
		if _, err := tryDetach(t.Context(), p, in, a.GetId()); err != nil {
			t.Fatal(err)
		}
		if have := wiredAs(t, p, in.GetId(), a.GetId()); have != (wired{}) {
			t.Errorf("after the Detach: %+v", have)
		}
	}
	nothingLeft(t, l, p, in)
}

func killInDetach(t *testing.T, l lab, p *Provider, a *pb.Attachment, step string) {
	in := made(t, p, true)
	attach(t, p, in, a)
	req := &pb.DetachRequest{Id: in.GetId(), Broker: in.GetOwner().GetBroker(), AttachmentId: a.GetId()}
	if _, killed := startChild(t, task{Config: p.config, Detaches: [][]byte{mustMarshal(req)}, DieAt: step}).wait(t); !killed {
		t.Fatalf("the child came to no step %s", step)
	}
	if _, err := tryDetach(t.Context(), p, in, a.GetId()); err != nil {
		t.Fatal(err)
	}
	if have := wiredAs(t, p, in.GetId(), a.GetId()); have != (wired{}) {
		t.Errorf("after the repeated Detach: %+v", have)
	}
	nothingLeft(t, l, p, in)
}

func killInCreateWith(t *testing.T, l lab, p *Provider, a *pb.Attachment, step string, repeat bool) {
	broker := unique(t)
	req := withVolumes(broker, broker+"-k", p.places[0].Zone, a)
	away(t, p, req.GetOwner())
	if _, killed := startChild(t, task{Config: p.config, Creates: [][]byte{mustMarshal(req)}, DieAt: step}).wait(t); !killed {
		t.Fatalf("the child came to no step %s", step)
	}
	in := &pb.Instance{Id: machineUUID(broker, req.GetOwner().GetKey()), Owner: req.GetOwner()}
	if repeat {
		in = until(t, p, req)
		if have := wiredAs(t, p, in.GetId(), a.GetId()); have != (wired{true, true, true, true}) {
			t.Errorf("after the repeated Create: %+v", have)
		}
	}
	nothingLeft(t, l, p, in)
}

// nothingLeft removes a machine and looks for what remains.
func nothingLeft(t *testing.T, l lab, p *Provider, in *pb.Instance) {
	t.Helper()
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: in.GetOwner()}); err != nil {
		t.Fatal(err)
	}
	if left := append(remains(t, l, in.GetId()), secretsOf(t, p, in.GetId())...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Libvirtd forgets the password when it is started anew. The machine that runs has
// no need of it; one that is stopped is not started without, and says so, until the
// volume is attached again. A daemon that dies in the midst of an Attach leaves what
// a repeated one finishes.
func TestDaemonForgetsPasswords(t *testing.T) {
	l := privateHost(t)
	host := l.hosts()[0]
	p := openProvider(t, l.config("boot", host), Hooks{})
	in := made(t, p, false)
	from := consumerOf(t, p).GetInitiatorIqn()
	g := startTarget(t, l, blank(t, "", 1<<20), from)
	a := g.attachment("at-1", from)
	restart := func() {
		t.Helper()
		for _, what := range []string{"crash", "restart"} {
			if _, err := private.kvm(what, host); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []string{"attach.noted", "attach.secret", "attach.attached"} {
		crashed := false
		dying := openProvider(t, p.config, Hooks{Step: func(name string) {
			if name == step && !crashed {
				crashed = true
				restart()
			}
		}})
		if _, err := tryAttach(t.Context(), dying, in, a); err != nil && sdk.KindOf(err) != sdk.Uncertain && sdk.KindOf(err) != sdk.Unavailable {
			t.Errorf("Attach while the daemon dies after %s: %v", step, err)
		}
		attachThrough(t, p, in, a)
		if have := wiredAs(t, p, in.GetId(), "at-1"); have != (wired{true, true, true, true}) {
			t.Errorf("after %s: %+v", step, have)
		}
		setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
		if _, err := tryDetach(t.Context(), p, in, "at-1"); err != nil {
			t.Fatal(err)
		}
		setPower(t, p, in, pb.SetPowerRequest_ACTION_START)
	}
	attach(t, p, in, a)
	restart()
	if !g.connected() {
		t.Error("the machine has lost its volume with the daemon")
	}
	attachThrough(t, p, in, a)
	restart()
	if now, err := getThrough(t, p, in); err != nil || len(now.GetAttachments()) != 1 {
		t.Errorf("after a restart: %v, %v", now, err)
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	start := &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_START}
	if _, err := p.SetPower(t.Context(), start); sdk.KindOf(err) != sdk.Unavailable || !strings.Contains(err.Error(), "password") {
		t.Errorf("start without the password: %v, want Unavailable, and why", err)
	}
	attach(t, p, in, a)
	if _, err := p.SetPower(t.Context(), start); err != nil {
		t.Errorf("start after the volume was attached again: %v", err)
	}
}

// attachThrough repeats an Attach until the host is back.
func attachThrough(t *testing.T, p *Provider, in *pb.Instance, a *pb.Attachment) {
	t.Helper()
	through(t, func() error { _, err := tryAttach(t.Context(), p, in, a); return err })
}

func getThrough(t *testing.T, p *Provider, in *pb.Instance) (out *pb.Instance, err error) {
	t.Helper()
	through(t, func() error {
		out, err = p.Get(t.Context(), &pb.GetRequest{Id: in.GetId()})
		return err
	})
	return out, err
}

func through(t *testing.T, call func() error) {
	t.Helper()
	for give := time.Now().Add(30 * time.Second); ; {
		err := call()
		if err == nil {
			return
		}
		if k := sdk.KindOf(err); k != sdk.Unavailable && k != sdk.Uncertain || time.Now().After(give) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
