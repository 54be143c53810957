package host

import (
	"context"
	"testing"

	"github.com/mesoncloud/meson/core"
)

// BenchmarkStart is from nothing to the first answer of a configured provider,
// with the check of the binary (new), and without it (restart).
func BenchmarkStart(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			h := New(Options{Finder: Finder{Dirs: []string{pluginDir()}}, RuntimeDir: shortDir(b)})
			if _, err := provider(h, "rogue", "pid").Check(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			_ = h.Close(context.Background())
			b.StartTimer()
		}
	})
	b.Run("restart", func(b *testing.B) {
		h := newHost(b)
		p := provider(h, "rogue", "pid")
		ask(b, p)
		for b.Loop() {
			if err := p.Restart(b.Context()); err != nil {
				b.Fatal(err)
			}
			if _, err := p.Check(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCalls is what one call costs through the contract, checks included.
func BenchmarkCalls(b *testing.B) {
	h := newHost(b)
	p := provider(h, "rogue", "good")
	ask(b, p)
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Get(b.Context(), core.InstanceRef{ID: "vm-1"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("offer", func(b *testing.B) {
		pledge := pledge()
		for b.Loop() {
			err := p.Offer(b.Context(), pledge, core.OfferQuery{Horizon: 730}, func([]core.Offer, []core.Reason) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkClose is how long a healthy plugin takes to be drained and gone.
func BenchmarkClose(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h := New(Options{Finder: Finder{Dirs: []string{pluginDir()}}, RuntimeDir: shortDir(b)})
		if _, err := h.Plugin(b.Context(), "rogue"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := h.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogFlood is how many bytes a second of a plugin's log the host can
// drop, and by how much it grows meanwhile.
func BenchmarkLogFlood(b *testing.B) {
	l := newLogs(plainLog(&counter{}), 200)
	before := rss(b)
	flood := &flood{left: int64(b.N) << 20}
	b.SetBytes(1 << 20)
	b.ResetTimer()
	l.pump(flood)
	b.ReportMetric(float64(rss(b)-before)/(1<<20), "MiB-grown")
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

// flood is so many bytes of lines of 120.
type flood struct{ left int64 }

func (f *flood) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, context.Canceled
	}
	for i := range p {
		p[i] = 'x'
		if i%120 == 119 {
			p[i] = '\n'
		}
	}
	f.left -= int64(len(p))
	return len(p), nil
}
