package main

import (
	"fmt"
	"slices"
	"time"
)

// sample is what was measured of one thing, in the order of measuring.
type sample []float64

// add adds a time, in milliseconds.
func (s *sample) add(d time.Duration) { *s = append(*s, float64(d)/float64(time.Millisecond)) }

// median of an empty sample is 0.
func (s sample) median() float64 { return s.quantile(2) }

// quantile is the q-th quartile, the lower one of two between which it lies.
func (s sample) quantile(q int) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[(len(sorted)-1)*q/4]
}

// text is the median with the quartiles, in a format for each and with a unit.
func (s sample) text(format, unit string) string {
	return fmt.Sprintf(format+" %s ("+format+"–"+format+")", s.median(), unit, s.quantile(1), s.quantile(3))
}

// pairwise is what op makes of each pair.
func pairwise(a, b sample, op func(a, b float64) float64) sample {
	out := make(sample, min(len(a), len(b)))
	for i := range out {
		out[i] = op(a[i], b[i])
	}
	return out
}

func minus(a, b float64) float64 { return a - b }
func ratio(a, b float64) float64 { return a / b }
