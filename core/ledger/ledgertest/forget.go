package ledgertest

import (
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// testForgetProvider has a machine at rack1 with a volume of vault1 attached, and
// forgets one of the two.
func testForgetProvider(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	var machines []core.Allocation
	var made []core.VolumeRecord
	for _, name := range []string{"web", "db"} {
		a := begun(t, l, name)
		must(t, l.AddAttempt(ctx, Attempt(a, 1), step("attempt")))
		v := Volume(t, a.ID)
		must(t, l.AddVolumes(ctx, []core.VolumeRecord{v}, step("volumes")))
		must(t, l.AddAttachments(ctx, []core.AttachmentRecord{Attachment("of-"+name, a.ID)}, step("attachment")))
		must(t, l.ChangeHeld(ctx, a.ID, 1, step("running"), func(h *ledger.Held) error {
			h.Attempt.State, h.Allocation.State, h.Attachments[0].State = core.AttemptMade, core.Running, core.AttachmentAttached
			h.Volumes[0].State = core.VolumeMade
			return nil
		}))
		machines, made = append(machines, a), append(made, v)
		if name == "web" {
			provider := Attempt(a, 1).Quote.Provider
			must(t, l.PutProvider(ctx, rack(provider)))
			forgetMachines(t, l, provider, a, v)
			must(t, l.PutProvider(ctx, rack("vault1")))
		}
	}
	a, v := machines[1], made[1]
	var what []string
	held := value(l.ProviderHolds(ctx, "vault1"))(t)
	for _, f := range held {
		what = append(what, f.What)
	}
	same(t, "held", what, []string{"volume", "volume", "attachment", "attachment"})
	must(t, l.ForgetProvider(ctx, "vault1", held))
	same(t, "the volume", value(l.Volume(ctx, v.ID))(t).State, core.VolumeRemoved)
	same(t, "the attachment", value(l.Attachment(ctx, "of-db"))(t).State, core.AttachmentEnded)
	same(t, "the machine of a live provider", value(l.Allocation(ctx, a.ID))(t).State, core.Running)
	must(t, l.ChangeAttempt(ctx, a.ID, 1, step("gone"), func(t *core.Attempt, a *core.Allocation) error {
		t.State, a.State = core.AttemptRemoved, core.Gone
		return nil
	}))
	refused(t, "forgetting none", l.ForgetProvider(ctx, "vault1", nil), core.NotFound)
}

// forgetMachines forgets the provider of a machine that has a volume of another one.
func forgetMachines(t *testing.T, l ledger.Ledger, provider string, a core.Allocation, v core.VolumeRecord) {
	t.Helper()
	ctx := t.Context()
	held := value(l.ProviderHolds(ctx, provider))(t)
	same(t, "held", held, []core.Forgotten{{What: "machine", ID: a.ID, Name: a.Name, Allocation: a.ID}})
	refused(t, "forgetting what is not said", l.ForgetProvider(ctx, provider, nil), core.Conflict)
	same(t, "after a refusal", value(l.Allocation(ctx, a.ID))(t).State, core.Running)
	must(t, l.ForgetProvider(ctx, provider, held))
	_, err := l.Provider(ctx, provider)
	refused(t, "a provider that is forgotten", err, core.NotFound)
	same(t, "the machine", value(l.Allocation(ctx, a.ID))(t).State, core.Gone)
	same(t, "its attempt", value(l.Attempts(ctx, a.ID))(t)[0].State, core.AttemptRemoved)
	// Nothing of another provider's is forgotten.
	if v := value(l.Volume(ctx, v.ID))(t); v.State != core.VolumeMade || !v.Keep {
		t.Errorf("its volume is %s, kept: %v", v.State, v.Keep)
	}
	open := value(l.Attachments(ctx, ledger.AttachmentFilter{Open: true}))(t)
	if len(open) != 1 || open[0].Allocation != "" || open[0].State != core.AttachmentEnding || !open[0].Force {
		t.Errorf("%+v: want the attachment alone, to be ended by force", open)
	}
	var steps []string
	for _, e := range value(l.Events(ctx, ledger.Query{}))(t) {
		if e.Step == ledger.StepForgotten || e.Step == ledger.StepProviderDeleted {
			steps = append(steps, e.Text)
		}
	}
	same(t, "events", steps, []string{
		"attachment of-web of provider vault1 is to be cut off, since its machine is forgotten", "machine of provider " + provider,
		"provider " + provider + ", and 1 forgotten with it",
	})
}
