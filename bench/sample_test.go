package main

import "testing"

func TestMedianAndQuartiles(t *testing.T) {
	for _, c := range []struct {
		in               sample
		low, middle, top float64
	}{
		{nil, 0, 0, 0},
		{sample{3}, 3, 3, 3},
		{sample{5, 1, 4, 2, 3}, 2, 3, 4},
		{sample{4, 3, 2, 1}, 1, 2, 3},
	} {
		if low, middle, top := c.in.quantile(1), c.in.median(), c.in.quantile(3); low != c.low || middle != c.middle || top != c.top {
			t.Errorf("%v: got %v %v %v, want %v %v %v", c.in, low, middle, top, c.low, c.middle, c.top)
		}
	}
}

func TestPairsOfUnequalSamples(t *testing.T) {
	got := pairwise(sample{5, 7, 9}, sample{1, 2}, minus)
	if len(got) != 2 || got[0] != 4 || got[1] != 5 {
		t.Errorf("got %v, want [4 5]", got)
	}
}
