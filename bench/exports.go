package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// exports runs the benchmark of the target package that serves 500 volumes at once,
// each by a tgtd of its own.
func (b *bench) exports(ctx context.Context) ([]row, error) {
	units := []string{"s/start", "s/again", "s/list", "MiB-rss/volume", "MiB-pss/volume", "threads/volume"}
	got := map[string]sample{}
	for range b.times(1) {
		quiet(ctx)
		out, err := b.output(ctx, []string{"go", "test", "-run", "^$", "-bench", "^BenchmarkMany$", "-benchtime", "1x", "./plugins/iscsi/target"})
		if err != nil {
			return nil, err
		}
		for _, unit := range units {
			found := regexp.MustCompile(`([0-9.]+) ` + regexp.QuoteMeta(unit) + `\s`).FindSubmatch(out)
			if found == nil {
				return nil, fmt.Errorf("the benchmark did not report %s:\n%s", unit, out)
			}
			value, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				return nil, err
			}
			got[unit] = append(got[unit], value)
		}
	}
	middle := func(unit string) float64 { return got[unit].median() }
	return []row{{
		what:  "500 exported volumes, served from nothing",
		meson: fmt.Sprintf("%.1f s", middle("s/start")), compared: fmt.Sprintf("%.0f ms each", middle("s/start")*2),
		how: fmt.Sprintf("`go test -bench Many ./plugins/iscsi/target`, eight at a time, %d times. Found to be right again: %.2f s; listed: %.2f s.",
			len(got["s/start"]), middle("s/again"), middle("s/list")),
	}, {
		what:  "memory of each one's tgtd",
		meson: fmt.Sprintf("%.1f MiB resident, %.2f MiB with what is shared divided (PSS)", middle("MiB-rss/volume"), middle("MiB-pss/volume")), compared: fmt.Sprintf("%.0f MiB of all 500", middle("MiB-pss/volume")*500),
		how: fmt.Sprintf("smaps_rollup in /proc; %.0f threads each.", middle("threads/volume")),
	}}, nil
}
