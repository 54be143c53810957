package alloc_test

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
)

func onFirst(when bool, e core.Kind) func(int, bool) error {
	return func(n int, after bool) error {
		if n == 1 && after == when {
			return core.Errorf(e, "ordered")
		}
		return nil
	}
}

// volumeWorlds are what a machine with volumes can meet on its way, and where its
// volumes are offered.
func volumeWorlds() map[string]struct {
	prepare func(*world)
	vaults  []string
} {
	type entry = struct {
		prepare func(*world)
		vaults  []string
	}
	full := func(int, bool) error { return core.Errorf(core.Exhausted, "full") }
	return map[string]entry{
		"smooth":                  {func(*world) {}, []string{"v1"}},
		"slow volumes":            {func(w *world) { w.vaults["v1"].slow = 3 }, []string{"v1"}},
		"first machine refused":   {func(w *world) { w.clouds["c1"].createFault = refuse }, []string{"v1"}},
		"dearer volume elsewhere": {func(w *world) { w.clouds["c1"].createFault = refuse }, []string{"v2", "v1"}},
		"second sees only another vault": {func(w *world) {
			w.clouds["c1"].createFault = refuse
			w.vaults["v1"].exposure.Host = "c1"
			w.vaults["v2"].exposure.Host = "c2"
		}, []string{"v1", "v2"}},
		"all machines refused":          {func(w *world) { w.clouds["c1"].createFault, w.clouds["c2"].createFault = refuse, refuse }, []string{"v1"}},
		"first vault full":              {func(w *world) { w.vaults["v1"].createFault = full }, []string{"v1", "v2"}},
		"volume lost after the effect":  {func(w *world) { w.vaults["v1"].createFault = onFirst(true, core.Uncertain) }, []string{"v1"}},
		"volume lost before the effect": {func(w *world) { w.vaults["v1"].createFault = onFirst(false, core.Uncertain) }, []string{"v1"}},
		"all volumes lost at once": {func(w *world) {
			w.vaults["v1"].createFault = func(n int, after bool) error {
				if n <= 2 && after {
					return core.Errorf(core.Uncertain, "connection lost")
				}
				return nil
			}
		}, []string{"v1"}},
		"one of the volumes refused": {func(w *world) {
			w.vaults["v1"].createFault = func(n int, _ bool) error {
				if n == 2 {
					return core.Errorf(core.Exhausted, "full")
				}
				return nil
			}
		}, []string{"v1"}},
		"volumes seen late": {func(w *world) {
			w.vaults["v1"].late, w.vaults["v1"].window = 20*time.Millisecond, 40
			w.vaults["v1"].createFault = onFirst(true, core.Uncertain)
		}, []string{"v1"}},
		"export lost after the effect":   {func(w *world) { w.vaults["v1"].exportFault = onFirst(true, core.Uncertain) }, []string{"v1"}},
		"exports refused":                {func(w *world) { w.vaults["v1"].exportFault = full }, []string{"v1"}},
		"unexport lost after the effect": {func(w *world) { w.vaults["v1"].unexportFault = onFirst(true, core.Uncertain) }, []string{"v1"}},
		"removal lost after the effect":  {func(w *world) { w.vaults["v1"].deleteFault = onFirst(true, core.Uncertain) }, []string{"v1"}},
		"attach lost after the effect":   {func(w *world) { w.clouds["c1"].attachFault = onFirst(true, core.Uncertain) }, []string{"v1"}},
		"attach refused":                 {func(w *world) { w.clouds["c1"].attachFault = full }, []string{"v1"}},
	}
}

// volumeLife deploys, attaches a volume, takes it off, and removes.
func (w *world) volumeLife(ctx context.Context, e *alloc.Engine, vaults []string) {
	a, err := e.Start(ctx, w.volumeRequest(vaults...), nil)
	if err != nil {
		return
	}
	w.volumeTruth(a.ID)
	x, err := e.Attach(ctx, alloc.AttachOrder{Allocation: a.ID, VolumeTarget: alloc.VolumeTarget{Provider: "v2", VolumeID: "more", Name: "more"}}, nil)
	if err == nil {
		w.volumeTruth(a.ID)
		err = e.Detach(ctx, x.ID, false, nil)
		w.volumeTruth(a.ID)
	}
	if err == nil {
		_, _ = e.Release(ctx, a.ID, nil)
	}
}

// finishVolumes takes over what was killed, and then removes the machine and what
// it left: nothing is paid for in the end, and what was there before is there.
func (w *world) finishVolumes(t *testing.T, where string) {
	t.Helper()
	quiet := func(core.Allocation) alloc.Report { return nil }
	if _, errs := w.engine(nil).TakeOver(t.Context(), quiet); hasUncertain(errs) {
		t.Fatalf("%s: %v", where, errs)
	}
	all := w.all(t)
	if len(all) == 0 {
		if w.machines() != 0 || len(w.paid()) != 0 {
			t.Fatalf("%s: %d machines, volumes %v, and no allocation", where, w.machines(), w.paid())
		}
		return
	}
	a := w.volumeTruth(all[0].ID)
	if !a.State.Final() && a.State != core.Running {
		t.Fatalf("%s: left as %s: %s", where, a.State, a.Message)
	}
	ran := a.State == core.Running || a.State == core.Gone && len(w.paid()) > 0
	a, err := w.engine(nil).Release(context.Background(), a.ID, nil)
	if err != nil || !a.State.Final() || w.machines() != 0 {
		t.Fatalf("%s: %s, %v, %d machines after rm", where, a.State, err, w.machines())
	}
	w.volumeTruth(a.ID)
	left := w.paid()
	if _, kept := left["data"]; ran != kept || len(left) > 1 {
		t.Fatalf("%s: it ran: %v; volumes that are left: %v", where, ran, left)
	}
	for _, v := range w.vaults {
		for _, k := range v.volumes {
			if k.Owner.Broker == "" {
				continue
			}
			if err := w.engine(nil).RemoveVolume(t.Context(), alloc.VolumeTarget{Provider: v.name, VolumeID: k.ID}, nil); err != nil {
				t.Fatalf("%s: %v", where, err)
			}
		}
	}
	if left := w.paid(); len(left) != 0 {
		t.Fatalf("%s: volumes that are left: %v", where, left)
	}
}

// killer kills whoever takes the n-th step, and then whoever takes another: a
// process dies as a whole.
type killer struct {
	mu   sync.Mutex
	left int
	dead bool
}

func killAfter(n int) *killer { return &killer{left: n} }

func (k *killer) step(string) {
	k.mu.Lock()
	k.left--
	k.dead = k.left <= 0
	dead := k.dead
	k.mu.Unlock()
	if dead {
		kill()
	}
}

func (w *world) withMore() *world {
	more := w.vaults["v2"].put("more", core.Owner{}, core.VolumeSpec{SizeBytes: 1 << 30})
	delete(w.vaults["v2"].volumes, more.ID)
	more.ID, more.Exposures = "more", []core.Exposure{{Kind: core.ConnectISCSI}}
	w.vaults["v2"].volumes["more"] = more
	return w
}

// A machine with volumes is killed at every step of its life, and so is the
// take-over that follows: after it, clouds and vaults hold exactly what the ledger
// says. Of the smooth world's steps every second is taken, of the others' every
// tenth, other ones each time; in a soak all.
func TestVolumesKilledAtEveryStep(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for name, c := range volumeWorlds() {
		first, stride := 1, 1
		if os.Getenv("MESON_SOAK") == "" {
			if stride = 10; name == "smooth" {
				stride = 2
			}
			first += rng.IntN(stride)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := 0
			for n := first; ; n += stride {
				w := withVaults(t).withMore()
				c.prepare(w)
				deploy, takeOver := killAfter(n), killAfter(n)
				until(func() { w.volumeLife(t.Context(), w.engine(deploy.step), c.vaults) })
				until(func() {
					w.engine(takeOver.step).TakeOver(t.Context(), func(core.Allocation) alloc.Report { return nil })
				})
				w.finishVolumes(t, "killed at step "+itoa(n))
				if !deploy.dead && !takeOver.dead {
					break
				}
				steps = n
			}
			if steps < 5 {
				t.Errorf("the last step that was killed at is %d", steps)
			}
		})
	}
}

// The same with three kills at random instants, in commands and take-overs alike.
func TestVolumesKilledAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for name, c := range volumeWorlds() {
		for range 2 {
			w := withVaults(t).withMore()
			c.prepare(w)
			after := func() func(string) { return killAfter(1 + rng.IntN(45)).step }
			until(func() { w.volumeLife(t.Context(), w.engine(after()), c.vaults) })
			for range 2 {
				until(func() { w.engine(after()).TakeOver(t.Context(), func(core.Allocation) alloc.Report { return nil }) })
			}
			w.finishVolumes(t, name)
		}
	}
}
