package alloc_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
)

const gib = int64(1 << 30)

func (c *cloud) ResizeAttachment(_ context.Context, ref core.InstanceRef, _, attachment string, sizeBytes int64) error {
	c.mu.Lock()
	c.grows++
	err := fault(c.growing, c.grows, false)
	inst, there := c.machines[ref.Owner.Key]
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if !there || !slices.ContainsFunc(inst.Attachments, func(a core.Attachment) bool { return a.ID == attachment }) {
		return core.Errorf(core.NotFound, "no attachment %s", attachment)
	}
	c.grow(attachment, sizeBytes)
	return fault(c.growing, c.grows, true)
}

// ResizeVolume lets the file of a volume grow that no machine has open, and looks
// at that of one that a machine has grown.
func (v *vault) ResizeVolume(_ context.Context, req core.VolumeResize) (core.Volume, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.resizes++
	if err := fault(v.resizeFault, v.resizes, false); err != nil {
		return core.Volume{}, err
	}
	k := v.find(core.VolumeRef{ID: req.VolumeID})
	holder := ""
	for _, attachment := range slices.Sorted(maps.Keys(k.exports)) {
		if v.exposure.Kind == core.ConnectFile && v.holds(attachment) && k.real < req.SizeBytes {
			holder = attachment
		}
	}
	switch {
	case req.SizeBytes < k.SizeBytes:
		return core.Volume{}, core.Errorf(core.Invalid, "volumes never shrink")
	case req.SizeBytes > v.room:
		return core.Volume{}, core.Errorf(core.Exhausted, "the vault is full")
	case holder != "" && !req.HolderGrows:
		return core.Volume{}, core.Errorf(core.Busy, "the machine of attachment %s has its file open", holder)
	case holder != "":
		k.Growth = &core.VolumeGrowth{SizeBytes: req.SizeBytes, Attachment: holder}
	default:
		k.real, k.SizeBytes, k.Growth = max(k.real, req.SizeBytes), req.SizeBytes, nil
	}
	return k.Volume, fault(v.resizeFault, v.resizes, true)
}

// withFile is a machine that has the file of a volume of 1 GiB open, and its vault.
func withFile(t *testing.T) (*world, *kept) {
	t.Helper()
	w := withVaults(t).withMore()
	v := w.vaults["v2"]
	k := v.volumes["more"]
	v.room, v.exposure.Kind, k.real = 8*gib, core.ConnectFile, gib
	for _, c := range w.clouds {
		c.consumer.Kinds = append(c.consumer.Kinds, core.ConnectFile)
		c.grow = func(_ string, sizeBytes int64) { k.real = max(k.real, sizeBytes) }
	}
	a, err := w.start(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	x, err := w.engine(nil).Attach(t.Context(), alloc.AttachOrder{Allocation: a.ID, VolumeTarget: alloc.VolumeTarget{Provider: "v2", VolumeID: "more", Name: "more"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	k.Uses = []core.VolumeUse{{Attachment: x.ID, Allocation: a.ID, Kind: core.ConnectFile, Writable: true}}
	return w, k
}

func (w *world) growTo(ctx context.Context, e *alloc.Engine, bytes int64) (core.Volume, error) {
	order := alloc.GrowOrder{VolumeTarget: alloc.VolumeTarget{Provider: "v2", VolumeID: "more", Name: "more"}, SizeBytes: bytes}
	return e.GrowVolume(ctx, order, func(core.Allocation) alloc.Report { return nil })
}

// growthTruth fails the test where a file is larger than what its vault has counted,
// or a volume than its file.
func growthTruth(t *testing.T, where string, k *kept) {
	t.Helper()
	counted := k.SizeBytes
	if k.Growth != nil {
		counted = max(counted, k.Growth.SizeBytes)
	}
	if k.real > counted || k.SizeBytes > k.real {
		t.Fatalf("%s: the file has %d bytes, the volume %d, and %d are counted", where, k.real, k.SizeBytes, counted)
	}
}

// A volume whose file a machine has open grows in three steps: the vault counts it,
// the machine grows the file, the vault looks. A kill at any of them leaves what the
// same command finishes. Of the smooth world every step is taken, of the others every
// third, other ones each time; in a soak all.
func TestGrowKilledAtEveryStep(t *testing.T) {
	refuse := func(int, bool) error { return core.Errorf(core.Unsupported, "no") }
	for name, prepare := range map[string]func(*world){
		"smooth":                       func(*world) {},
		"recorded and not answered":    func(w *world) { w.vaults["v2"].resizeFault = onFirst(true, core.Uncertain) },
		"not reached":                  func(w *world) { w.vaults["v2"].resizeFault = onFirst(false, core.Unavailable) },
		"grown and not answered":       func(w *world) { w.clouds["c1"].growing = onFirst(true, core.Uncertain) },
		"machine busy at first":        func(w *world) { w.clouds["c1"].growing = onFirst(false, core.Busy) },
		"machine refuses":              func(w *world) { w.clouds["c1"].growing = refuse },
		"machines of no such ability":  func(w *world) { w.clouds["c1"].grow = nil },
		"looked at and not answered":   func(w *world) { w.vaults["v2"].resizeFault = onSecond(core.Unavailable) },
		"the vault has no more room":   func(w *world) { w.vaults["v2"].room = gib },
		"by itself, no machine has it": func(w *world) { w.vaults["v2"].exposure.Kind = core.ConnectISCSI },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps, stride := 0, 1
			if os.Getenv("MESON_SOAK") == "" && name != "smooth" {
				stride = 3
			}
			for n := 1 + rand.IntN(stride); ; n += stride {
				w, k := withFile(t)
				prepare(w)
				count, reached := 0, false
				step := func(string) {
					if count++; count == n {
						reached = true
						kill()
					}
				}
				var err error
				until(func() { _, err = w.growTo(t.Context(), w.engine(step), 2*gib) })
				growthTruth(t, "after the kill", k)
				if k.real > gib && k.Growth == nil && k.SizeBytes == gib {
					t.Fatal("a file has grown that nobody has counted")
				}
				if !reached {
					checkGrown(t, name, k, err)
				}
				// Whatever was in the way is over now.
				w.vaults["v2"].resizeFault, w.vaults["v2"].room = nil, 8*gib
				c := w.clouds["c1"]
				c.growing, c.grow = nil, func(_ string, sizeBytes int64) { k.real = max(k.real, sizeBytes) }
				if v, err := w.growTo(t.Context(), w.engine(nil), 2*gib); err != nil || v.SizeBytes != 2*gib || k.real != 2*gib || k.Growth != nil {
					t.Fatalf("killed at step %d, the same again: %+v, %v; the file has %d bytes", n, v, err, k.real)
				}
				growthTruth(t, "in the end", k)
				if !reached {
					break
				}
				steps = n
			}
			if steps < 2 && stride == 1 {
				t.Errorf("only %d steps were killed at", steps)
			}
		})
	}
}

func onSecond(kind core.Kind) func(int, bool) error {
	return func(n int, after bool) error {
		if n == 2 && after {
			return core.Errorf(kind, "ordered")
		}
		return nil
	}
}

// checkGrown says how each world ends where nobody is killed.
func checkGrown(t *testing.T, name string, k *kept, err error) {
	t.Helper()
	want := core.Kind("")
	switch name {
	case "recorded and not answered":
		want = core.Uncertain
	case "not reached":
		want = core.Unavailable
	case "machine refuses":
		want = core.Unsupported
	case "machines of no such ability":
		want = core.Busy
	case "the vault has no more room":
		want = core.Exhausted
	}
	if core.KindOf(err) != want {
		t.Errorf("%v, want %q", err, want)
	}
	if grown := k.SizeBytes == 2*gib && k.real == 2*gib; grown != (want == "") {
		t.Errorf("%v, and the volume has %d bytes, its file %d", err, k.SizeBytes, k.real)
	}
	// Whoever hears an error hears as well whether it grows all the same.
	if said := err != nil && strings.Contains(err.Error(), "it grows to 2147483648 is on record"); said != (k.Growth != nil) {
		t.Errorf("%v, and it grows: %+v", err, k.Growth)
	}
	// What is refused before it begins leaves no growth; what was counted stays.
	if began := want == core.Uncertain || want == core.Unsupported; (k.Growth != nil) != began {
		t.Errorf("%v, and it grows: %+v", err, k.Growth)
	}
}

// A machine whose file is to grow is not taken off meanwhile, and one that lost the
// volume in between is not asked.
func TestGrowHoldsTheMachine(t *testing.T) {
	w, k := withFile(t)
	locked := ""
	e := w.engine(func(step string) {
		if step != "growfile.send" {
			return
		}
		_, err := w.ledger.Lock(t.Context(), k.Uses[0].Allocation)
		locked = string(core.KindOf(err))
	})
	if _, err := w.growTo(t.Context(), e, 2*gib); err != nil || locked != string(core.Busy) {
		t.Errorf("while the file grows the machine's lock is %q, %v", locked, err)
	}
	if err := w.engine(nil).Detach(t.Context(), k.Uses[0].Attachment, false, nil); err != nil {
		t.Fatal(err)
	}
	grows := w.clouds["c1"].grows
	if v, err := w.growTo(t.Context(), w.engine(nil), 3*gib); err != nil || v.SizeBytes != 3*gib || w.clouds["c1"].grows != grows {
		t.Errorf("after it was taken off: %+v, %v, %d growths", v, err, w.clouds["c1"].grows-grows)
	}
}
