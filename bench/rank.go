package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// ranked is how many offers BenchmarkRank of package pricing ranks.
const ranked = 60_000

// rank runs the benchmark of package pricing that ranks offers exactly and, in the
// same process, by a plain scan in floats, on one processor.
func (b *bench) rank(ctx context.Context) ([]row, error) {
	times, allocs := map[string]*sample{}, map[string]float64{}
	line := regexp.MustCompile(`(?m)^BenchmarkRank/(\S+)\s+\d+\s+([0-9.]+) ns/op.*?([0-9.]+) allocs/op`)
	runs := b.times(5)
	for range runs {
		out, err := b.output(ctx, []string{"go", "test", "-run", "^$", "-bench", "^BenchmarkRank$", "-cpu", "1", "-benchtime", "10x", "./pricing"})
		if err != nil {
			return nil, err
		}
		for _, found := range line.FindAllSubmatch(out, -1) {
			name := string(found[1])
			ns, err := strconv.ParseFloat(string(found[2]), 64)
			if err != nil {
				return nil, err
			}
			if allocs[name], err = strconv.ParseFloat(string(found[3]), 64); err != nil {
				return nil, err
			}
			if times[name] == nil {
				times[name] = &sample{}
			}
			*times[name] = append(*times[name], ns/1e6)
		}
	}
	first, all, scan := times["first_100_exact"], times["all_exact"], times["float_scan"]
	if first == nil || all == nil || scan == nil {
		return nil, fmt.Errorf("the benchmark reported %d of its parts", len(times))
	}
	each := allocs["all_exact"] / ranked
	against := "a scan in floats, inexact: " + scan.text("%.1f", "ms")
	times1, times2 := pairwise(*first, *scan, ratio), pairwise(*all, *scan, ratio)
	return []row{{
		what:  "60,000 offers of four components, the 100 cheapest exact",
		meson: first.text("%.1f", "ms"), against: against, compared: times1.text("%.2f", "×"),
		goal: "≤ 20 ms", met: verdictOf(first.median() <= 20),
		how: fmt.Sprintf("`go test -bench Rank -cpu 1 ./pricing`, %d times 10 rounds of each in one process; two currencies.", runs),
	}, {
		what:  "all 60,000 exact, each with its lines",
		meson: fmt.Sprintf("%s, %.2f allocations a quote", all.text("%.0f", "ms"), each), against: against, compared: times2.text("%.0f", "×"),
		goal: "≤ 250 ms, ≤ 2 allocations", met: verdictOf(all.median() <= 250 && each <= 2),
	}}, nil
}
