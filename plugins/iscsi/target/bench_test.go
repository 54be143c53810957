package target

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// A target is made in a daemon that runs.
func BenchmarkTarget(b *testing.B) {
	needTgt(b)
	h, v := testHost(b), testVolume(b, 1<<20)
	h.log = slog.New(slog.DiscardHandler)
	ensure(b, h, v)
	one := v.Targets
	var fencing time.Duration
	for n := 0; b.Loop(); n++ {
		v.Targets = append(one[:1:1], testTarget(uint64(n+2), "b1"))
		ensure(b, h, v)
		start := time.Now()
		if err := h.Fence(b.Context(), v.Key, v.Targets[1].IQN); err != nil {
			b.Fatal(err)
		}
		fencing += time.Since(start)
	}
	b.ReportMetric(float64(fencing.Microseconds())/1000/float64(b.N), "ms/fence")
}

// A volume is served from nothing, and no longer served.
func BenchmarkVolume(b *testing.B) {
	needTgt(b)
	h, v := testHost(b), testVolume(b, 1<<20)
	h.log = slog.New(slog.DiscardHandler)
	for b.Loop() {
		ensure(b, h, v)
		if err := h.Stop(b.Context(), v.Key); err != nil {
			b.Fatal(err)
		}
	}
}

// A writer with a full queue is fenced.
func BenchmarkFenceOfABusyWriter(b *testing.B) {
	needTgt(b)
	h, v := testHost(b), testVolume(b, 4<<20)
	h.log = slog.New(slog.DiscardHandler)
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		v.Targets = []Target{testTarget(uint64(n+1), "b1")}
		ensure(b, h, v)
		in := targettest.MustConnect(b, v.login(0))
		w := &targettest.Writer{Disk: in.Disk, History: targettest.NewHistory(), Epoch: uint64(n + 1), Depth: 16}
		go func() { _ = w.Run(b.Context()) }()
		for w.Acked() < 200 {
			time.Sleep(time.Millisecond)
		}
		b.StartTimer()
		if err := h.Fence(b.Context(), v.Key, v.Targets[0].IQN); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		in.Kill()
		b.StartTimer()
	}
}

// BenchmarkMany serves 500 volumes at once: from nothing, looked at, found to be
// as they must be, and what they take of memory. It runs once.
func BenchmarkMany(b *testing.B) {
	needTgt(b)
	const many = 500
	h := testHost(b)
	h.log = slog.New(slog.DiscardHandler)
	volumes := make([]Volume, many)
	for i := range volumes {
		volumes[i] = testVolume(b, 1<<20)
		volumes[i].Key = fmt.Sprintf("many%d", i)
	}
	all := func() time.Duration {
		start := time.Now()
		var wg sync.WaitGroup
		slots := make(chan struct{}, 8)
		for _, v := range volumes {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				ensure(b, h, v)
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	for b.Loop() {
		b.ReportMetric(all().Seconds(), "s/start")
		b.ReportMetric(all().Seconds(), "s/again")
		start := time.Now()
		list, err := h.List(b.Context())
		if err != nil || len(list) != many {
			b.Fatal(len(list), err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s/list")
		var rss, pss, threads float64
		for _, s := range list {
			at := filepath.Join("/proc", strconv.Itoa(s.Pid))
			rss += number64(b, filepath.Join(at, "smaps_rollup"), "Rss:") / 1024
			pss += number64(b, filepath.Join(at, "smaps_rollup"), "Pss:") / 1024
			threads += number64(b, filepath.Join(at, "status"), "Threads:")
		}
		b.ReportMetric(rss/many, "MiB-rss/volume")
		b.ReportMetric(pss/many, "MiB-pss/volume")
		b.ReportMetric(threads/many, "threads/volume")
		for _, v := range volumes {
			if err := h.Stop(b.Context(), v.Key); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// number64 reads a number from a file of "name number" lines.
func number64(b *testing.B, path, name string) float64 {
	b.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			n, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("%s has no %s", path, name)
	return 0
}
