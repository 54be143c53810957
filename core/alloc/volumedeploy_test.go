package alloc_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestMachineWithVolumes(t *testing.T) {
	w := withVaults(t)
	a, err := w.engine(nil).Start(t.Context(), w.volumeRequest("v1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.volumeTruth(a.ID)
	if len(a.Volumes) != 3 || len(a.Instance.Attachments) != 3 {
		t.Fatalf("volumes %v, attachments %+v", a.Volumes, a.Instance.Attachments)
	}
	events, err := w.ledger.Events(t.Context(), ledger.Query{Allocation: a.ID})
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, e := range events {
		steps = append(steps, e.Step)
	}
	const want = "begun create.intended volume.intended volume.made volume.made attach.intended export.made export.made export.made running"
	if got := strings.Join(steps, " "); got != want {
		t.Errorf("events: %s", got)
	}
	if err := w.engine(nil).RemoveVolume(t.Context(), alloc.VolumeTarget{Provider: "v1", VolumeID: a.Volumes[1]}, nil); core.KindOf(err) != core.Busy {
		t.Errorf("a volume in use was removed: %v", err)
	}
	if a, err = w.engine(nil).Release(t.Context(), a.ID, nil); err != nil || a.State != core.Gone {
		t.Fatalf("%s, %v", a.State, err)
	}
	w.volumeTruth(a.ID)
	if w.clouds["c1"].detaches != 0 {
		t.Error("a machine that is removed was asked to let go of its volumes first: a guest need not")
	}
	if left := w.paid(); len(left) != 1 || left["data"] != "v1" {
		t.Errorf("volumes that are left: %v, want data alone", left)
	}
}

// No secret of a connection reaches the ledger.
func TestConnectionsAreNotStored(t *testing.T) {
	w := withVaults(t)
	a, err := w.engine(nil).Start(t.Context(), w.volumeRequest("v1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := w.ledger.Attachments(t.Context(), ledger.AttachmentFilter{Allocation: a.ID})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := w.ledger.Allocation(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range stored.Instance.Attachments {
		if b.Connection.ISCSI != nil {
			t.Errorf("stored: %+v of %+v", b, x)
		}
	}
}

// What a later offer can use of what was made is used; what it cannot reach, or
// what is dearer than it said, is made anew.
func TestVolumesOfAnEarlierAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		vaults  []string
		prepare func(*world)
		want    string
		creates int
	}{
		"used again":           {[]string{"v1"}, func(*world) {}, "v1", 2},
		"cheaper than offered": {[]string{"v1", "v2"}, func(*world) {}, "v1", 2},
		"dearer than offered":  {[]string{"v2", "v1"}, func(*world) {}, "v1", 4},
		"out of reach": {[]string{"v1", "v2"}, func(w *world) {
			w.vaults["v1"].exposure.Host, w.vaults["v2"].exposure.Host = "c1", "c2"
		}, "v2", 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := withVaults(t)
			c.prepare(w)
			w.clouds["c1"].createFault = refuse
			a, err := w.engine(nil).Start(t.Context(), w.volumeRequest(c.vaults...), nil)
			if err != nil || a.Offer.Provider != "c2" {
				t.Fatal(a.Offer, err)
			}
			w.volumeTruth(a.ID)
			if n := w.vaults["v1"].creates + w.vaults["v2"].creates; n != c.creates || w.paid()["data"] != c.want || len(w.paid()) != 2 {
				t.Errorf("%d volumes were made; left %v, want them at %s", n, w.paid(), c.want)
			}
			for _, choice := range a.Offer.Volumes[1:] {
				if choice.Provider != c.want || choice.Quote.Offer.Provider != c.want {
					t.Errorf("the quote in use says %+v", choice)
				}
			}
		})
	}
}

// What is asked again, and then made, is a machine that boots as its quote says.
func TestMachineIsAskedForAsItBoots(t *testing.T) {
	for _, boot := range []bool{true, false} {
		w := withVaults(t)
		req := w.volumeRequest("v1")
		req.Placement.Quotes[0].Volumes[0].Boot = boot
		a, err := w.engine(nil).Start(t.Context(), req, nil)
		if err != nil {
			t.Fatal(err)
		}
		asked := w.clouds["c1"].pledges
		if len(asked) != 2 || a.Pledge.Volumes[0].Bootable {
			t.Errorf("asked %d times, for %+v", len(asked), a.Pledge.Volumes)
		}
		for _, p := range asked {
			if p.Volumes[0].Bootable != boot || p.Volumes[1].Bootable {
				t.Errorf("it boots from the volume: %v; it was asked for with %+v", boot, p.Volumes)
			}
		}
	}
}

// The quote of a volume binds as that of the machine does.
func TestVolumeQuoteBinds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*vault)
		want   string
	}{
		"dearer":  {func(v *vault) { v.amount = "1.1" }, "volume data: offer vq-v1 of v1: the price rose from 1 EUR to 1.1 EUR for 730 h"},
		"gone":    {func(v *vault) { v.offered = false }, "it is no longer offered; full"},
		"cheaper": {func(v *vault) { v.amount = "0.9" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := withVaults(t)
			req := w.volumeRequest("v1")
			req.Placement.Quotes = req.Placement.Quotes[:1]
			c.change(w.vaults["v1"])
			a, err := w.engine(nil).Start(t.Context(), req, nil)
			w.volumeTruth(a.ID)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want == "":
				if got := a.Offer.Price.Total.String(); got != "9.1 EUR" { // 7.3 and twice 0.9
					t.Errorf("bought at %s", got)
				}
			case !strings.Contains(whole(err), c.want) || w.vaults["v1"].creates > 0:
				t.Errorf("%v, after %d volumes; want %q", whole(err), w.vaults["v1"].creates, c.want)
			}
		})
	}
}

// A volume that somebody else writes to is not had: nothing is left, and the error
// names who has it.
func TestVolumeInUse(t *testing.T) {
	w := withVaults(t)
	if _, err := w.vaults["v1"].Export(t.Context(), core.ExportRequest{Attachment: "theirs", VolumeID: "old", Owner: core.Owner{Allocation: "other"}}); err != nil {
		t.Fatal(err)
	}
	a, err := w.engine(nil).Start(t.Context(), w.volumeRequest("v1"), nil)
	if core.KindOf(err) != core.Busy || !strings.Contains(whole(err), "attachment theirs of allocation other has it") || a.State != core.Failed {
		t.Fatalf("%s, %v", a.State, whole(err))
	}
	if len(w.paid()) != 0 || w.machines() != 0 || !w.serves("theirs") {
		t.Errorf("left: %v, %d machines; theirs is served: %v", w.paid(), w.machines(), w.serves("theirs"))
	}
}

// Interrupted at any step before it runs, a machine with volumes is undone.
func TestInterruptUndoesVolumes(t *testing.T) {
	for _, at := range []string{"volume.intended", "volume.made", "attach.intended", "export.made", "create.sent"} {
		t.Run(at, func(t *testing.T) {
			w := withVaults(t)
			ctx, cancel := context.WithCancel(t.Context())
			engine := w.engine(nil)
			engine.Patience = 20 * time.Second // all that is undone takes its time on a slow disk
			a, err := engine.Start(ctx, w.volumeRequest("v1"), func(step, _ string, _ int) {
				if step == at {
					cancel()
				}
			})
			if core.KindOf(err) != core.Interrupted || a.State != core.Failed || w.machines() != 0 || len(w.paid()) != 0 {
				t.Errorf("%s, %v, %d machines, %v", a.State, err, w.machines(), w.paid())
			}
			w.volumeTruth(a.ID)
		})
	}
}

// TestVolumeIntentBeforeEffect: whenever a vault is asked to make, export, unexport
// or remove, the ledger holds that it will be.
func TestVolumeIntentBeforeEffect(t *testing.T) {
	w := withVaults(t)
	asked := map[string]int{}
	volumes := func(call string, states ...core.VolumeRecordState) func(int, bool) error {
		return func(_ int, after bool) error {
			all, err := w.ledger.Volumes(t.Context(), ledger.VolumeFilter{})
			if asked[call]++; err != nil || !slices.ContainsFunc(all, func(v core.VolumeRecord) bool { return slices.Contains(states, v.State) }) {
				if !after {
					t.Errorf("%s is asked with volumes %+v, %v", call, all, err)
				}
			}
			return nil
		}
	}
	attachments := func(call string) func(int, bool) error {
		return func(_ int, after bool) error {
			all, err := w.ledger.Attachments(t.Context(), ledger.AttachmentFilter{})
			if asked[call]++; err != nil || len(all) == 0 && !after {
				t.Errorf("%s is asked with no attachment recorded, %v", call, err)
			}
			return nil
		}
	}
	v := w.vaults["v1"]
	v.createFault, v.deleteFault = volumes("create", core.VolumeIntended), volumes("delete", core.VolumeUndoing)
	v.exportFault, v.unexportFault = attachments("export"), attachments("unexport")
	a, err := w.engine(nil).Start(t.Context(), w.volumeRequest("v1"), nil)
	if err == nil {
		_, err = w.engine(nil).Release(t.Context(), a.ID, nil)
	}
	if err != nil || asked["create"] != 4 || asked["delete"] != 2 || asked["export"] != 6 || asked["unexport"] != 6 {
		t.Errorf("asked %v, %v", asked, err)
	}
}

func more() alloc.VolumeTarget {
	return alloc.VolumeTarget{Provider: "v2", VolumeID: "more", Name: "more"}
}

func TestAttachAndDetach(t *testing.T) {
	w := withVaults(t).withMore()
	a, err := w.engine(nil).Start(t.Context(), w.volumeRequest("v1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	order := alloc.AttachOrder{Allocation: a.ID, VolumeTarget: more()}
	x, err := w.engine(nil).Attach(t.Context(), order, nil)
	if err != nil || x.State != core.AttachmentAttached {
		t.Fatal(x, err)
	}
	w.volumeTruth(a.ID)
	if again, err := w.engine(nil).Attach(t.Context(), order, nil); err != nil || again.ID != x.ID || w.clouds["c1"].attaches != 1 {
		t.Errorf("the same again: %v, %v, %d calls", again.ID, err, w.clouds["c1"].attaches)
	}
	order.ReadOnly = true
	if _, err := w.engine(nil).Attach(t.Context(), order, nil); core.KindOf(err) != core.Conflict {
		t.Errorf("in another way: %v", err)
	}
	if a, _ = w.ledger.Allocation(t.Context(), a.ID); !slices.Contains(a.Volumes, "more") {
		t.Errorf("volumes %v", a.Volumes)
	}
	if err := w.engine(nil).RemoveVolume(t.Context(), more(), nil); core.KindOf(err) != core.Busy || !strings.Contains(err.Error(), "web1") {
		t.Errorf("removed while a machine has it: %v", err)
	}

	w.clouds["c1"].detachFault = func(int, bool) error { return core.Errorf(core.Busy, "mounted at /data") }
	if err := w.engine(nil).Detach(t.Context(), x.ID, false, nil); core.KindOf(err) != core.Busy || !strings.Contains(err.Error(), "mounted at /data") {
		t.Errorf("a machine that does not let go: %v", err)
	}
	w.volumeTruth(a.ID)
	w.clouds["c1"].detachFault = nil
	if err := w.engine(nil).Detach(t.Context(), x.ID, false, nil); err != nil {
		t.Error(err)
	}
	w.volumeTruth(a.ID)
	if w.serves(x.ID) || w.holds(x.ID) {
		t.Error("it is still there")
	}
	if err := w.engine(nil).RemoveVolume(t.Context(), more(), nil); err != nil || w.vaults["v2"].volumes["more"] != nil {
		t.Errorf("a volume of nobody's: %v", err)
	}
	if left, err := w.ledger.Volumes(t.Context(), ledger.VolumeFilter{Provider: "v2"}); err != nil || len(left) != 0 {
		t.Errorf("records that are left: %+v, %v", left, err)
	}
}

// Who does not let go is cut off at the server of the bytes, with force.
func TestDetachWithForce(t *testing.T) {
	w := withVaults(t).withMore()
	a, err := w.engine(nil).Start(t.Context(), w.volumeRequest("v1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := w.engine(nil).Attach(t.Context(), alloc.AttachOrder{Allocation: a.ID, VolumeTarget: more()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.clouds["c1"].detachFault = func(int, bool) error { return core.Errorf(core.Busy, "mounted at /data") }
	if err := w.engine(nil).Detach(t.Context(), x.ID, true, nil); err != nil || w.serves(x.ID) {
		t.Errorf("%v; it is served: %v", err, w.serves(x.ID))
	}
	if x, err = w.ledger.Attachment(t.Context(), x.ID); err != nil || x.State != core.AttachmentEnded {
		t.Errorf("%s, %v", x.State, err)
	}
}

func (w *world) volumeOrder() alloc.VolumeOrder {
	spec := core.VolumeSpec{SizeBytes: 1 << 30}
	return alloc.VolumeOrder{Name: "alone", Spec: spec, Quote: w.vaults["v1"].quote(spec)}
}

func TestVolumeByItself(t *testing.T) {
	w := withVaults(t)
	v, err := w.engine(nil).CreateVolume(t.Context(), w.volumeOrder(), nil)
	if err != nil || v.State != core.VolumeMade || !v.Keep || v.VolumeID == "" {
		t.Fatal(v, err)
	}
	if err := w.engine(nil).RemoveVolume(t.Context(), alloc.VolumeTarget{Record: v.ID}, nil); err != nil || len(w.paid()) != 0 {
		t.Errorf("%v, %v", err, w.paid())
	}
	if err := w.engine(nil).RemoveVolume(t.Context(), alloc.VolumeTarget{Record: v.ID}, nil); err != nil {
		t.Errorf("removing again: %v", err)
	}

	w.vaults["v1"].createFault = func(int, bool) error { return core.Errorf(core.Exhausted, "full") }
	v, err = w.engine(nil).CreateVolume(t.Context(), w.volumeOrder(), nil)
	if core.KindOf(err) != core.Exhausted || v.State != core.VolumeRefused {
		t.Errorf("%s, %v", v.State, err)
	}
	w.vaults["v1"].createFault = nil
	ctx, cancel := context.WithCancel(t.Context())
	engine := w.engine(nil)
	engine.Patience = 20 * time.Second
	v, err = engine.CreateVolume(ctx, w.volumeOrder(), func(step, _ string, _ int) {
		if step == "volume.sent" {
			cancel()
		}
	})
	if core.KindOf(err) != core.Interrupted || v.State != core.VolumeRefused || len(w.paid()) != 0 {
		t.Errorf("interrupted: %s, %v, %v", v.State, err, w.paid())
	}
	dearer := w.volumeOrder()
	w.vaults["v1"].amount = "3"
	if _, err := w.engine(nil).CreateVolume(t.Context(), dearer, nil); core.KindOf(err) != core.Conflict {
		t.Errorf("dearer: %v", err)
	}
}

// A removal that is refused changes nothing.
func TestRemovalOfVolumeRefused(t *testing.T) {
	w := withVaults(t)
	v, err := w.engine(nil).CreateVolume(t.Context(), w.volumeOrder(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.vaults["v1"].deleteFault = func(int, bool) error { return core.Errorf(core.Busy, "somebody has it") }
	for range 2 {
		if err := w.engine(nil).RemoveVolume(t.Context(), alloc.VolumeTarget{Record: v.ID}, nil); core.KindOf(err) != core.Busy {
			t.Errorf("%v", err)
		}
		if v, err = w.ledger.Volume(t.Context(), v.ID); err != nil || v.State != core.VolumeMade {
			t.Errorf("%s, %v", v.State, err)
		}
	}
	w.vaults["v1"].deleteFault = func(int, bool) error { return core.Errorf(core.Unavailable, "no route") }
	if err := w.engine(nil).RemoveVolume(t.Context(), alloc.VolumeTarget{Record: v.ID}, nil); core.KindOf(err) != core.Uncertain {
		t.Errorf("%v", err)
	}
	w.vaults["v1"].deleteFault = nil
	taken, errs := w.engine(nil).TakeOverVolumes(t.Context(), quietly)
	if len(errs) != 0 || len(taken) != 1 || taken[0].State != core.VolumeRemoved || len(w.paid()) != 0 {
		t.Errorf("taken over: %+v, %v", taken, errs)
	}
}

func quietly(string, string) alloc.Report { return nil }

func (w *world) mapOrder(id string) alloc.MapOrder {
	return alloc.MapOrder{ID: id, VolumeTarget: alloc.VolumeTarget{Provider: "v1", VolumeID: "old", Name: "old"}, Holder: "ada@desk"}
}

func TestMapping(t *testing.T) {
	w := withVaults(t)
	x, way, err := w.engine(nil).Map(t.Context(), w.mapOrder(""), nil)
	if err != nil || x.State != core.AttachmentExported || way.Connection.ISCSI == nil || !w.serves(x.ID) {
		t.Fatal(x, err)
	}
	if _, again, err := w.engine(nil).Map(t.Context(), w.mapOrder(x.ID), nil); err != nil || again.Connection.ISCSI.TargetIQN != way.Connection.ISCSI.TargetIQN {
		t.Errorf("the same again: %v", err)
	}
	if _, _, err := w.engine(nil).Map(t.Context(), w.mapOrder(""), nil); core.KindOf(err) != core.Busy {
		t.Errorf("a second writer: %v", err)
	}
	// A mapping that stands is nobody's to take over.
	if _, errs := w.engine(nil).TakeOverVolumes(t.Context(), quietly); len(errs) != 0 || !w.serves(x.ID) {
		t.Errorf("%v; it is served: %v", errs, w.serves(x.ID))
	}
	for range 2 {
		if err := w.engine(nil).Unmap(t.Context(), x.ID, false, nil); err != nil || w.serves(x.ID) {
			t.Errorf("%v; it is served: %v", err, w.serves(x.ID))
		}
	}
	if _, _, err := w.engine(nil).Map(t.Context(), w.mapOrder(x.ID), nil); core.KindOf(err) != core.Conflict {
		t.Errorf("an id that was used: %v", err)
	}
}

// What is done to volumes by themselves is killed at every step, and so is the
// take-over.
func TestVolumesByThemselvesKilledAtEveryStep(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"smooth":        func(*world) {},
		"slow":          func(w *world) { w.vaults["v1"].slow = 2 },
		"lost":          func(w *world) { w.vaults["v1"].createFault = onFirst(true, core.Uncertain) },
		"refused":       func(w *world) { w.vaults["v1"].createFault = refuse },
		"removal lost":  func(w *world) { w.vaults["v1"].deleteFault = onFirst(true, core.Uncertain) },
		"export lost":   func(w *world) { w.vaults["v1"].exportFault = onFirst(true, core.Uncertain) },
		"unexport lost": func(w *world) { w.vaults["v1"].unexportFault = onFirst(true, core.Uncertain) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				w := withVaults(t).withMore()
				prepare(w)
				count, reached := 0, false
				step := func(string) {
					if count++; count == n {
						reached = true
						kill()
					}
				}
				until(func() {
					e := w.engine(step)
					v, err := e.CreateVolume(t.Context(), w.volumeOrder(), nil)
					x, _, mapped := e.Map(t.Context(), w.mapOrder(""), nil)
					if mapped == nil {
						mapped = e.Unmap(t.Context(), x.ID, false, nil)
					}
					if err == nil {
						err = e.RemoveVolume(t.Context(), alloc.VolumeTarget{Record: v.ID}, nil)
					}
					if err = errors.Join(err, mapped, e.RemoveVolume(t.Context(), more(), nil)); err != nil && name != "refused" {
						t.Errorf("%v", err)
					}
				})
				count = 0
				until(func() { w.engine(step).TakeOverVolumes(t.Context(), quietly) })
				w.later = 2 * time.Minute // nothing is bought any more
				if _, errs := w.engine(nil).TakeOverVolumes(t.Context(), quietly); hasUncertain(errs) {
					t.Fatalf("killed at step %d: %v", n, errs)
				}
				w.volumesAreTrue(t, "killed at step "+itoa(n))
				if !reached {
					break
				}
			}
		})
	}
}

// volumesAreTrue fails the test unless all volumes and exports are those of the
// ledger.
func (w *world) volumesAreTrue(t *testing.T, where string) {
	t.Helper()
	open, err := w.ledger.Volumes(t.Context(), ledger.VolumeFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range open {
		if v.State != core.VolumeMade || w.vaults[v.Provider].volumes[v.VolumeID] == nil {
			t.Fatalf("%s: volume %s is %s", where, v.Name, v.State)
		}
	}
	if len(open) != len(w.paid()) {
		t.Fatalf("%s: %d volumes are known, there are %v", where, len(open), w.paid())
	}
	exported, err := w.ledger.Attachments(t.Context(), ledger.AttachmentFilter{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range w.vaults {
		for _, k := range v.volumes {
			n += len(k.exports)
		}
	}
	if n != len(exported) {
		t.Fatalf("%s: %d exports, %d are known", where, n, len(exported))
	}
}
