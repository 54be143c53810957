package host

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

// However often plugins are started and ended, well or badly, the host keeps
// neither goroutines nor descriptors of them.
func TestNothingLeaks(t *testing.T) {
	cycle := func() {
		h := New(Options{Finder: Finder{Dirs: []string{pluginDir()}}, RuntimeDir: shortDir(t), StartTimeout: 5 * time.Second})
		defer func() {
			if err := h.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		p := provider(h, "rogue", "good")
		ask(t, p)
		if err := p.Restart(t.Context()); err != nil {
			t.Error(err)
		}
		ctx, cancel := contextWithTimeout(t, 100*time.Millisecond)
		defer cancel()
		_ = provider(h, "rogue", "dies").Delete(ctx, core.InstanceRef{ID: "vm-1"})
		for _, bad := range []string{"garbage", "panics", "elsewhere"} {
			if _, err := h.Plugin(t.Context(), bad); err == nil {
				t.Errorf("%s started", bad)
			}
		}
	}
	count := func() (goroutines, files int) {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), len(fds)
	}
	cycle()
	time.Sleep(time.Second)
	goroutines, files := count()
	for range 5 {
		cycle()
	}
	eventually(t, 10*time.Second, "goroutines and descriptors are let go", func() bool {
		g, f := count()
		return g <= goroutines && f <= files
	})
}
