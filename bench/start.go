package main

import (
	"context"
	"fmt"
	"os"
)

// start is what every command costs: the start of the binary.
func (b *bench) start(ctx context.Context) ([]row, error) {
	binary := b.path("bin", "meson")
	info, err := os.Stat(binary)
	if err != nil {
		return nil, err
	}
	var ours, theirs, memory, floor sample
	for range b.times(60) {
		quiet(ctx)
		a, err := b.measured(ctx, binary, "version")
		if err != nil {
			return nil, err
		}
		z, err := b.measured(ctx, "/bin/true")
		if err != nil {
			return nil, err
		}
		ours.add(a.Wall)
		theirs.add(z.Wall)
		memory = append(memory, float64(a.MaxRSS)/1024)
		floor = append(floor, float64(z.MaxRSS)/1024)
	}
	more := pairwise(ours, theirs, minus)
	size := float64(info.Size()) / 1e6
	return []row{{
		what:  "`meson version`",
		meson: ours.text("%.1f", "ms"), against: "`/bin/true`: " + theirs.text("%.1f", "ms"),
		compared: more.text("%+.1f", "ms"), goal: "≤ 10 ms more", met: verdictOf(more.median() <= 10),
		how: fmt.Sprintf("%d pairs, from fork to exit, started by a process of %.0f MB. Peak memory as the kernel reports it at the end.", len(ours), floor.median()),
	}, {
		what: "its peak memory", meson: fmt.Sprintf("%.1f MB at most", memory.quantile(4)), goal: "≤ 25 MB", met: verdictOf(memory.quantile(4) <= 25),
	}, {
		what: "the binary", meson: fmt.Sprintf("%.1f MB", size), goal: "≤ 30 MB", met: verdictOf(size <= 30), how: "as `make build` links it.",
	}}, nil
}
