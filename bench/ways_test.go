package main

import (
	"slices"
	"testing"
)

// What is compared with nothing is a rate, the others are ratios of turns, in the
// unit of the block.
func TestCellsOfADemand(t *testing.T) {
	rates := []sample{{1000, 4000, 2000}, {500, 1000, 2000}, {4000, 4000, 4000}, {1000, 2000, 8000}}
	bases := []int{0, 0, 2, 2}
	for _, c := range []struct {
		demand demand
		want   []string
	}{
		{demand{block: 64 << 10, depth: 32, rates: rates, bases: bases}, []string{"read 64 KiB, depth 32", "131 MB/s", "0.50 (66 MB/s)", "262 MB/s", "0.50 (131 MB/s)"}},
		{demand{write: true, block: 4 << 10, depth: 1, rates: rates, bases: bases}, []string{"write 4 KiB, depth 1", "2.0 k/s", "0.50 (1.0 k/s)", "4.0 k/s", "0.50 (2.0 k/s)"}},
	} {
		if got := c.demand.cells(); !slices.Equal(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestTableIsMarkdown(t *testing.T) {
	got := table{head: []string{"what", "a"}, lines: [][]string{{"x", "1"}}, note: "Said once."}.markdown()
	if want := "| what | a |\n|---|---|\n| x | 1 |\n\nSaid once.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
