package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
)

// powerPoll is how often a machine is asked whether it has got there.
const powerPoll = 500 * time.Millisecond

// Power changes a machine's power and returns when it has got there: a reboot
// when it has been asked for. It waits for whoever works on the machine, as
// Deploy and Remove do.
func (m *Meson) Power(ctx context.Context, name string, action core.PowerAction, progress func(Progress)) (core.Allocation, error) {
	a, err := m.Ledger.Allocation(ctx, name)
	if err != nil {
		return a, err
	}
	report := m.reporter(m.Now(), a, progress)
	unlock, err := m.engine.Lock(ctx, a.ID, report)
	if err != nil {
		return a, err
	}
	defer unlock()
	// As it stands now that nobody else drives it: what is to be removed, or is
	// still to be made, must stay so.
	a, p, ref, err := m.machine(ctx, a.ID)
	if err != nil {
		return a, err
	}
	if !settledAt(a.State) {
		return a, &core.Error{Kind: core.Busy, Op: string(action), Subject: a.Name, Text: fmt.Sprintf("it is %s", a.State), Hint: "meson resume " + a.Name}
	}
	if err := m.Ledger.AddEvent(ctx, core.Event{Allocation: a.ID, Time: m.Now().UTC(), Step: "power.intended", Text: string(action)}); err != nil {
		return a, err
	}
	report("power.intended", string(action), 0)
	var inst core.Instance
	if action == core.PowerStart {
		// What it was cut off from is not opened again.
		err = m.engine.LetGo(ctx, a.ID, report)
	}
	if err == nil && action == core.PowerStart {
		// A host that was restarted has forgotten the passwords of its machines' volumes.
		err = m.reattach(ctx, ledger.AttachmentFilter{Allocation: a.ID}, report)
	}
	if err == nil {
		inst, err = p.SetPower(ctx, ref, m.Ledger.ID(), action)
	}
	want := core.Running
	if action == core.PowerStop || action == core.PowerStopHard {
		want = core.Stopped
	}
	for err == nil && inst.State != want {
		select {
		case <-ctx.Done():
			err = &core.Error{
				Kind: core.Uncertain, Op: "power", Subject: a.Name, Text: fmt.Sprintf("asked to %s, and still %s", action, inst.State),
				Hint: hintHard(action, a.Name),
			}
		case <-time.After(powerPoll):
			inst, err = p.Get(ctx, ref)
		}
	}
	if err != nil {
		ev := core.Event{Allocation: a.ID, Time: m.Now().UTC(), Step: "power.failed", Text: err.Error()}
		if err := m.Ledger.AddEvent(context.WithoutCancel(ctx), ev); err != nil {
			m.Log.Warn("event not recorded", "allocation", a.ID, "step", ev.Step, "error", err)
		}
		return a, err
	}
	report("power.done", string(inst.State), 0)
	ev := core.Event{Allocation: a.ID, Time: m.Now().UTC(), Step: "power.done", Text: string(inst.State)}
	return m.Ledger.Change(ctx, a.ID, ev, func(a *core.Allocation) error {
		a.State, a.Instance = inst.State, &inst
		return nil
	})
}

func hintHard(action core.PowerAction, name string) string {
	if action == core.PowerStop {
		return fmt.Sprintf("the guest may ignore the power button: meson stop --hard %s", name)
	}
	return "meson show " + name
}

// Console connects stream to the machine's serial console.
func (m *Meson) Console(ctx context.Context, name string, force bool, stream io.ReadWriter) error {
	_, p, ref, err := m.machine(ctx, name)
	if err != nil {
		return err
	}
	if err := p.Console(ctx, ref, m.Ledger.ID(), force, stream); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// machine is a machine that has been made, its provider and how to name it
// there.
func (m *Meson) machine(ctx context.Context, name string) (core.Allocation, *host.Provider, core.InstanceRef, error) {
	a, err := m.Ledger.Allocation(ctx, name)
	if err != nil {
		return a, nil, core.InstanceRef{}, err
	}
	attempts, err := m.Ledger.Attempts(ctx, a.ID)
	if err != nil {
		return a, nil, core.InstanceRef{}, err
	}
	if a.State.Final() || a.Offer == nil || a.Instance == nil || len(attempts) == 0 {
		return a, nil, core.InstanceRef{}, &core.Error{Kind: core.NotFound, Subject: a.Name, Text: fmt.Sprintf("there is no machine: it is %s", a.State)}
	}
	p, err := m.provider(ctx, a.Offer.Provider)
	if err != nil {
		return a, nil, core.InstanceRef{}, err
	}
	ref := refOf(a, attempts)
	ref.ID = a.Instance.ID
	return a, p, ref, nil
}
