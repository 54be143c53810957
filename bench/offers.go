package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// slowest is how long the slowest of the three providers thinks.
const slowest = 500 * time.Millisecond

// offers asks three plugins, each a process of its own that is not running yet.
func (b *bench) offers(ctx context.Context) ([]row, error) {
	spec, err := b.spec("bootsector", 16)
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"provider", "add", "quick", "--plugin", "mem"},
		{"provider", "add", "slow", "--plugin", "slow", "--set", "latency=" + slowest.String()},
	} {
		if _, err := b.output(ctx, b.meson(args...)); err != nil {
			return nil, err
		}
	}
	var ours, quick sample
	for range b.times(21) {
		quiet(ctx)
		took, out, err := b.timed(ctx, b.meson("offers", spec, "-o", "json"))
		if err != nil {
			return nil, err
		}
		var all []struct{ Provider string }
		if err := json.Unmarshal(out, &all); err != nil {
			return nil, err
		}
		said := map[string]bool{}
		for _, o := range all {
			said[o.Provider] = true
		}
		if len(said) != 3 {
			return nil, fmt.Errorf("%d providers made offers instead of 3", len(said))
		}
		ours.add(took)
		if took, _, err = b.timed(ctx, b.meson("offers", spec, "-o", "json", "--provider", "lab")); err != nil {
			return nil, err
		}
		quick.add(took)
	}
	for _, name := range []string{"quick", "slow"} {
		if _, err := b.output(ctx, b.meson("provider", "rm", name)); err != nil {
			return nil, err
		}
	}
	own := float64(slowest / time.Millisecond)
	var more sample
	for _, v := range ours {
		more = append(more, v-own)
	}
	return []row{{
		what:  "cold `meson offers` with three plugins",
		meson: ours.text("%.0f", "ms"), against: fmt.Sprintf("the slowest provider's own answer: %.0f ms", own),
		compared: more.text("%+.0f", "ms"), goal: "≤ 100 ms more", met: verdictOf(more.median() <= 100),
		how: fmt.Sprintf("%d runs from fork to exit; kvm with three hosts, mem, and mem under another name that takes %s for an answer; no plugin runs before. "+
			"The kvm provider alone: %s.", len(ours), slowest, quick.text("%.0f", "ms")),
	}}, nil
}
