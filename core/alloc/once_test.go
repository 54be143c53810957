package alloc_test

import (
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
)

// What is waited for is told of once, however often it is tried; a new reason is
// news.
func TestWaitingIsToldOnce(t *testing.T) {
	// What fails does so a few times only, so that patience is no matter of how fast
	// this machine is.
	failing := func(times int, kind core.Kind, text string) func(int, bool) error {
		return func(n int, _ bool) error {
			if n <= times {
				return core.Errorf(kind, "%s", text)
			}
			return nil
		}
	}
	busy, down := failing(9, core.Busy, "somebody has it"), failing(3, core.Unavailable, "no route")
	patient := func(w *world) *alloc.Engine {
		e := w.engine(nil)
		e.Patience = time.Minute
		return e
	}
	deploy := func(t *testing.T, w *world, tell alloc.Report) string {
		a, err := patient(w).Start(t.Context(), w.volumeRequest("v1"), tell)
		if err != nil {
			t.Error(err)
		}
		return a.ID
	}
	for name, c := range map[string]struct {
		prepare func(w *world)
		run     func(t *testing.T, w *world, tell alloc.Report) string
		tries   func(w *world) int
		// step is told with these texts among others, each once.
		step string
		want []string
	}{
		"a volume that somebody has": {
			func(w *world) { w.vaults["v1"].exportFault = busy }, deploy, func(w *world) int { return w.vaults["v1"].exports },
			"export.waiting",
			[]string{"volume old: somebody has it"},
		},
		"a vault that is busy, and then something else": {
			func(w *world) {
				w.vaults["v1"].createFault = func(n int, _ bool) error {
					if n > 4 {
						return failing(12, core.Throttled, "too many requests")(n, false)
					}
					return core.Errorf(core.Busy, "somebody has it")
				}
			},
			deploy, func(w *world) int { return w.vaults["v1"].creates }, "volume.waiting",
			[]string{"volume data: somebody has it", "volume data: too many requests"},
		},
		"a host that is busy": {
			func(w *world) { w.clouds["c1"].createFault = failing(3, core.Busy, "somebody has it") }, deploy, func(w *world) int { return w.clouds["c1"].creates },
			"create.waiting",
			[]string{"somebody has it"},
		},
		"a way that is not ended": {
			func(w *world) { w.vaults["v1"].unexportFault = down },
			func(t *testing.T, w *world, tell alloc.Report) string {
				id := deploy(t, w, nil)
				_, _ = patient(w).Release(t.Context(), id, tell)
				return id
			},
			func(w *world) int { return w.vaults["v1"].unexports }, "unexport.sent",
			[]string{"ending the way to volume old at v1"},
		},
		"a volume that is not removed": {
			func(w *world) { w.vaults["v1"].deleteFault = down },
			func(t *testing.T, w *world, tell alloc.Report) string {
				id := deploy(t, w, nil)
				_, _ = patient(w).Release(t.Context(), id, tell)
				return id
			},
			func(w *world) int { return w.vaults["v1"].deletes }, "volume.delete.sent",
			[]string{"removing from v1"},
		},
		"a machine that does not let go": {
			func(w *world) { w.clouds["c1"].detachFault = failing(3, core.Busy, "somebody has it") },
			func(t *testing.T, w *world, tell alloc.Report) string {
				id := deploy(t, w, nil)
				x, err := w.engine(nil).Attach(t.Context(), alloc.AttachOrder{Allocation: id, VolumeTarget: more()}, nil)
				if err != nil {
					t.Fatal(err)
				}
				_ = patient(w).Detach(t.Context(), x.ID, false, tell)
				return id
			},
			func(w *world) int { return w.clouds["c1"].detaches }, "detach.sent",
			[]string{"asking c1 to let go of volume more"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withVaults(t).withMore()
			c.prepare(w)
			var mu sync.Mutex
			told := map[string]int{}
			c.run(t, w, func(step, text string, _ int) {
				mu.Lock()
				defer mu.Unlock()
				if step == c.step {
					told[text]++
				}
			})
			if n := c.tries(w); n < 2 {
				t.Errorf("it was tried %d times: that tells nothing", n)
			}
			for _, text := range c.want {
				if told[text] == 0 {
					t.Errorf("%q was not told", text)
				}
			}
			for text, n := range told {
				if n != 1 {
					t.Errorf("%q was told %d times", text, n)
				}
			}
		})
	}
}
