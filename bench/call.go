package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// call runs the benchmark of the SDK that asks a provider as a value and over the
// socket in turn.
func (b *bench) call(ctx context.Context) ([]row, error) {
	var direct, over, extra sample
	for range b.times(5) {
		out, err := b.output(ctx, []string{"go", "test", "-run", "^$", "-bench", "^BenchmarkOffer$", "-benchtime", "3000x", "./sdk"})
		if err != nil {
			return nil, err
		}
		for unit, to := range map[string]*sample{"direct": &direct, "contract": &over, "extra": &extra} {
			found := regexp.MustCompile(`([0-9.]+) ` + unit + `-µs`).FindSubmatch(out)
			if found == nil {
				return nil, fmt.Errorf("the benchmark did not report %s-µs:\n%s", unit, out)
			}
			value, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				return nil, err
			}
			*to = append(*to, value)
		}
	}
	return []row{{
		what:  "one Offer call through the contract, 4 KB",
		meson: over.text("%.0f", "µs"), against: "in-process: " + direct.text("%.1f", "µs"),
		compared: extra.text("%+.0f", "µs"), goal: "≤ 100 µs more", met: verdictOf(extra.median() <= 100),
		how: fmt.Sprintf("`go test -bench Offer ./sdk`: gRPC over a unix socket and the same provider as a value in turn, %d times 3000 pairs.", len(over)),
	}}, nil
}
