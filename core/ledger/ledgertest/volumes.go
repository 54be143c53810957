package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testVolumes(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	made, alone := Volume(t, a.ID), Volume(t, "")
	alone.CreatedAt = noon().Add(time.Second)
	must(t, l.AddVolumes(ctx, []core.VolumeRecord{made, alone}, step("volumes")))
	same(t, "volume", value(store().Volume(ctx, made.ID))(t), made)
	same(t, "volumes", value(l.Volumes(ctx, ledger.VolumeFilter{}))(t), []core.VolumeRecord{made, alone})
	same(t, "of the machine", value(l.Volumes(ctx, ledger.VolumeFilter{Allocation: a.ID}))(t), []core.VolumeRecord{made})

	got := value(l.ChangeVolume(ctx, made.ID, step("made"), func(v *core.VolumeRecord) error {
		v.State, v.VolumeID, v.Keep, v.Name = core.VolumeMade, "v-9", true, "renamed"
		v.Owner.Key, v.Quote.ID, v.Provider, v.Allocation, v.Foreign, v.Index = "stays", "stays", "stays", "", true, 7
		v.Error = &core.Error{Kind: core.Busy, Text: "b", Err: errors.New("cause")}
		return nil
	}))(t)
	made.State, made.VolumeID, made.Keep, made.Name, made.UpdatedAt = core.VolumeMade, "v-9", true, "renamed", got.UpdatedAt
	made.Error = &core.Error{Kind: core.Busy, Text: "b: cause"}
	same(t, "as changed", value(store().Volume(ctx, made.ID))(t), made)
	same(t, "by its id", value(l.Volumes(ctx, ledger.VolumeFilter{Provider: "vault1", VolumeID: "v-9"}))(t), []core.VolumeRecord{made})
	same(t, "that somebody has to go on with", value(l.Volumes(ctx, ledger.VolumeFilter{Open: true}))(t), []core.VolumeRecord{alone})
	endVolume(t, l, alone.ID, core.VolumeRefused)
	same(t, "that are left", value(l.Volumes(ctx, ledger.VolumeFilter{}))(t), []core.VolumeRecord{made})
	if n := len(value(l.Volumes(ctx, ledger.VolumeFilter{Final: true}))(t)); n != 2 {
		t.Errorf("%d volumes in all", n)
	}
	unlock := value(l.Lock(ctx, alone.ID))(t)
	unlock()
	var steps []string
	for _, e := range value(l.Events(ctx, ledger.Query{Allocation: a.ID}))(t) {
		steps = append(steps, e.Step)
	}
	same(t, "events", steps, []string{ledger.StepBegun, "made"})
}

func endVolume(t *testing.T, l ledger.Ledger, id string, state core.VolumeRecordState) {
	t.Helper()
	value(l.ChangeVolume(t.Context(), id, step("ended"), func(v *core.VolumeRecord) error { v.State = state; return nil }))(t)
}

func testVolumeRules(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	add := func(v core.VolumeRecord) error { return l.AddVolumes(ctx, []core.VolumeRecord{v}, step("x")) }
	first := Volume(t, a.ID)
	must(t, add(first))
	for what, c := range map[string]struct {
		edit func(*core.VolumeRecord)
		kind core.Kind
	}{
		"a key that was used":        {func(v *core.VolumeRecord) { v.Owner.Key = first.Owner.Key }, core.Conflict},
		"an id that was used":        {func(v *core.VolumeRecord) { v.ID = first.ID }, core.Conflict},
		"no id":                      {func(v *core.VolumeRecord) { v.ID = "" }, core.Invalid},
		"no key":                     {func(v *core.VolumeRecord) { v.Owner.Key = "" }, core.Invalid},
		"no provider":                {func(v *core.VolumeRecord) { v.Provider = "" }, core.Invalid},
		"made before intended":       {func(v *core.VolumeRecord) { v.State = core.VolumeMade }, core.Invalid},
		"one of no allocation":       {func(v *core.VolumeRecord) { v.Allocation = ledger.NewID() }, core.NotFound},
		"a foreign one to be made":   {func(v *core.VolumeRecord) { v.Foreign, v.VolumeID = true, "v" }, core.Invalid},
		"a foreign one of no name":   {func(v *core.VolumeRecord) { v.Foreign, v.State = true, core.VolumeUndoing }, core.Invalid},
		"one of ours to be removed":  {func(v *core.VolumeRecord) { v.State = core.VolumeUndoing }, core.Invalid},
		"one beside another's fault": {func(v *core.VolumeRecord) { v.Owner.Key = first.Owner.Key }, core.Conflict},
	} {
		v := Volume(t, "")
		c.edit(&v)
		refused(t, what, l.AddVolumes(ctx, []core.VolumeRecord{Volume(t, ""), v}, step("x")), c.kind)
	}
	if n := len(value(l.Volumes(ctx, ledger.VolumeFilter{Final: true}))(t)); n != 1 {
		t.Errorf("%d volumes: some were recorded all the same", n)
	}
	foreign := Volume(t, "")
	foreign.Foreign, foreign.VolumeID, foreign.State = true, "v-3", core.VolumeUndoing
	user := Attachment("user", a.ID)
	user.VolumeID = "v-3"
	must(t, l.AddAttachments(ctx, []core.AttachmentRecord{user}, step("x")))
	refused(t, "removal of a foreign one in use", add(foreign), core.Busy)
	value(l.ChangeAttachment(ctx, "user", step("x"), func(t *core.AttachmentRecord, _ *core.Allocation) error { t.State = core.AttachmentEnded; return nil }))(t)
	must(t, add(foreign))
	user.ID = "another"
	refused(t, "an attachment of a foreign one that is being removed", l.AddAttachments(ctx, []core.AttachmentRecord{user}, step("x")), core.Conflict)

	change := func(id string, state core.VolumeRecordState) error {
		_, err := l.ChangeVolume(ctx, id, step("x"), func(v *core.VolumeRecord) error { v.State = state; return nil })
		return err
	}
	endVolume(t, l, foreign.ID, core.VolumeRemoved)
	refused(t, "a life after the end", change(foreign.ID, core.VolumeMade), core.Conflict)
	refused(t, "no state", change(first.ID, ""), core.Invalid)
	refused(t, "change of none", change(ledger.NewID(), core.VolumeMade), core.NotFound)
	_, err := l.Volume(ctx, ledger.NewID())
	refused(t, "none", err, core.NotFound)
	mine := errors.New("mine")
	if _, err := l.ChangeVolume(ctx, first.ID, step("x"), func(*core.VolumeRecord) error { return mine }); err != mine {
		t.Errorf("error %v, want the function's own as it is", err)
	}
}

func testAttachments(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	v := Volume(t, a.ID)
	must(t, l.AddVolumes(ctx, []core.VolumeRecord{v}, step("volume")))
	one, two := Attachment(a.ID+"-1-0", a.ID), Attachment("mapped", "")
	one.Volume, two.CreatedAt = v.ID, noon().Add(time.Second)
	must(t, l.AddAttachments(ctx, []core.AttachmentRecord{one}, step("attachment")))
	must(t, l.AddAttachments(ctx, []core.AttachmentRecord{two}, core.Event{}))
	same(t, "attachment", value(store().Attachment(ctx, one.ID))(t), one)
	same(t, "attachments", value(l.Attachments(ctx, ledger.AttachmentFilter{Provider: "vault1", VolumeID: "v-9"}))(t), []core.AttachmentRecord{one, two})
	same(t, "of the machine", value(l.Attachments(ctx, ledger.AttachmentFilter{Allocation: a.ID}))(t), []core.AttachmentRecord{one})
	same(t, "of the volume", value(l.Attachments(ctx, ledger.AttachmentFilter{Volume: v.ID}))(t), []core.AttachmentRecord{one})

	got := value(l.ChangeAttachment(ctx, one.ID, step("attached"), func(t *core.AttachmentRecord, a *core.Allocation) error {
		t.State, t.Epoch, t.Force = core.AttachmentAttached, 4, true
		t.ID, t.VolumeID, t.Allocation, t.ReadOnly = "stays", "stays", "", false
		a.Volumes = []string{"v-9"}
		return nil
	}))(t)
	one.State, one.Epoch, one.Force, one.UpdatedAt = core.AttachmentAttached, 4, true, got.UpdatedAt
	same(t, "as changed", value(store().Attachment(ctx, one.ID))(t), one)
	same(t, "the allocation", value(l.Allocation(ctx, a.ID))(t).Volumes, []string{"v-9"})
	same(t, "that somebody has to go on with", value(l.Attachments(ctx, ledger.AttachmentFilter{Open: true}))(t), []core.AttachmentRecord{two})
	value(l.ChangeAttachment(ctx, two.ID, core.Event{}, func(t *core.AttachmentRecord, a *core.Allocation) error {
		if a != nil {
			return errors.New("it has no allocation")
		}
		t.State = core.AttachmentEnded
		return nil
	}))(t)
	if n := len(value(l.Attachments(ctx, ledger.AttachmentFilter{}))(t)); n != 1 {
		t.Errorf("%d that have not ended", n)
	}
	if n := len(value(l.Attachments(ctx, ledger.AttachmentFilter{Final: true}))(t)); n != 2 {
		t.Errorf("%d in all", n)
	}
	_, err := l.ChangeAttachment(ctx, two.ID, step("x"), func(t *core.AttachmentRecord, _ *core.Allocation) error {
		t.State = core.AttachmentIntended
		return nil
	})
	refused(t, "a life after the end", err, core.Conflict)
}

func testAttachmentRules(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a, over := begun(t, l, "web"), begun(t, l, "over")
	finish(t, l, over.ID, core.Gone)
	v := Volume(t, "")
	must(t, l.AddVolumes(ctx, []core.VolumeRecord{v}, step("volume")))
	first := Attachment("first", a.ID)
	first.Volume = v.ID
	must(t, l.AddAttachments(ctx, []core.AttachmentRecord{first}, step("x")))
	for what, c := range map[string]struct {
		edit func(*core.AttachmentRecord)
		kind core.Kind
	}{
		"an id that was used":      {func(t *core.AttachmentRecord) { t.ID = "first" }, core.Conflict},
		"a long id":                {func(t *core.AttachmentRecord) { t.ID = "a23456789012345678901" }, core.Invalid},
		"no volume":                {func(t *core.AttachmentRecord) { t.VolumeID = "" }, core.Invalid},
		"attached before intended": {func(t *core.AttachmentRecord) { t.State = core.AttachmentAttached }, core.Invalid},
		"of one that ended":        {func(t *core.AttachmentRecord) { t.Allocation = over.ID }, core.Conflict},
		"of none":                  {func(t *core.AttachmentRecord) { t.Allocation = ledger.NewID() }, core.NotFound},
		"of no such volume":        {func(t *core.AttachmentRecord) { t.Volume = ledger.NewID() }, core.NotFound},
	} {
		bad := Attachment("next", a.ID)
		c.edit(&bad)
		refused(t, what, l.AddAttachments(ctx, []core.AttachmentRecord{Attachment("beside", a.ID), bad}, step("x")), c.kind)
	}
	if n := len(value(l.Attachments(ctx, ledger.AttachmentFilter{Final: true}))(t)); n != 1 {
		t.Errorf("%d attachments: some were recorded all the same", n)
	}
	remove := func(v *core.VolumeRecord) error { v.State = core.VolumeUndoing; return nil }
	_, err := l.ChangeVolume(ctx, v.ID, step("x"), remove)
	refused(t, "removal of a volume in use", err, core.Busy)
	value(l.ChangeAttachment(ctx, "first", step("x"), func(t *core.AttachmentRecord, _ *core.Allocation) error { t.State = core.AttachmentEnded; return nil }))(t)
	value(l.ChangeVolume(ctx, v.ID, step("x"), remove))(t)
	again := Attachment("again", a.ID)
	again.Volume = v.ID
	refused(t, "an attachment of what is being removed", l.AddAttachments(ctx, []core.AttachmentRecord{again}, step("x")), core.Conflict)
}

// testHeld: with a machine all that is held for it changes at once, and nothing
// of it is forgotten.
func testHeld(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	must(t, l.PutProvider(ctx, rack("vault1")))
	a := begun(t, l, "web")
	must(t, l.AddAttempt(ctx, Attempt(a, 1), step("attempt")))
	volatile, kept := Volume(t, a.ID), Volume(t, a.ID)
	kept.Volatile = false
	must(t, l.AddVolumes(ctx, []core.VolumeRecord{volatile, kept}, step("volumes")))
	must(t, l.AddAttachments(ctx, []core.AttachmentRecord{Attachment("one", a.ID)}, step("attachment")))
	must(t, l.ChangeHeld(ctx, a.ID, 1, step("running"), func(h *ledger.Held) error {
		h.Attempt.State, h.Allocation.State, h.Attachments[0].State = core.AttemptMade, core.Running, core.AttachmentAttached
		for i := range h.Volumes {
			h.Volumes[i].State, h.Volumes[i].Keep = core.VolumeMade, !h.Volumes[i].Volatile
		}
		return nil
	}))
	if s := value(l.Allocation(ctx, a.ID))(t).State; s != core.Running {
		t.Errorf("the machine is %s", s)
	}
	same(t, "kept", []bool{value(l.Volume(ctx, volatile.ID))(t).Keep, value(l.Volume(ctx, kept.ID))(t).Keep}, []bool{false, true})
	same(t, "attachment", value(l.Attachment(ctx, "one"))(t).State, core.AttachmentAttached)

	end := func() error {
		return l.ChangeAttempt(ctx, a.ID, 1, step("gone"), func(t *core.Attempt, a *core.Allocation) error {
			t.State, a.State = core.AttemptRemoved, core.Gone
			return nil
		})
	}
	refused(t, "an end with an attachment", end(), core.Internal)
	refused(t, "removal of a provider with volumes", l.DeleteProvider(ctx, "vault1"), core.Conflict)
	value(l.ChangeAttachment(ctx, "one", step("x"), func(t *core.AttachmentRecord, _ *core.Allocation) error { t.State = core.AttachmentEnded; return nil }))(t)
	refused(t, "an end with a volatile volume", end(), core.Internal)
	endVolume(t, l, volatile.ID, core.VolumeRemoved)
	must(t, end())
	same(t, "volumes that are left", len(value(l.Volumes(ctx, ledger.VolumeFilter{}))(t)), 1)
	refused(t, "a volume for one that ended", l.AddVolumes(ctx, []core.VolumeRecord{Volume(t, a.ID)}, step("x")), core.Conflict)
	refused(t, "removal of a provider with a volume", l.DeleteProvider(ctx, "vault1"), core.Conflict)
	endVolume(t, l, kept.ID, core.VolumeRemoved)
	must(t, l.DeleteProvider(ctx, "vault1"))

	mine := errors.New("mine")
	if err := l.ChangeHeld(ctx, a.ID, 1, step("x"), func(*ledger.Held) error { return mine }); err != mine {
		t.Errorf("error %v, want the function's own as it is", err)
	}
	refused(t, "change of no attempt", l.ChangeHeld(ctx, a.ID, 2, step("x"), func(*ledger.Held) error { return nil }), core.NotFound)
}
