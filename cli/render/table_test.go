package render

import (
	"strings"
	"testing"
	"time"
)

func grid() *Grid {
	g := NewGrid(Column{Title: "NAME"}, Column{Title: "FIRST", Drop: 2}, Column{Title: "SECOND", Drop: 1}, Column{Title: "PRICE", Right: true})
	g.Add("web1", "goes first", "goes second", "1.00")
	return g
}

// TestGridFits: the least important columns go first, and only as many as must;
// what never goes is cut off at the width.
func TestGridFits(t *testing.T) {
	for _, c := range []struct {
		width       int
		have, lacks string
	}{
		{0, "NAME FIRST SECOND PRICE", ""},
		{48, "NAME FIRST SECOND PRICE", ""},
		{40, "NAME SECOND PRICE", "FIRST"},
		{20, "NAME PRICE", "FIRST SECOND"},
		{10, "NAME", "FIRST SECOND PRICE"},
	} {
		out := grid().Render(c.width, false)
		for _, word := range strings.Fields(c.have) {
			if !strings.Contains(out, word) {
				t.Errorf("width %d: no %s in\n%s", c.width, word, out)
			}
		}
		for _, word := range strings.Fields(c.lacks) {
			if strings.Contains(out, word) {
				t.Errorf("width %d: %s is in\n%s", c.width, word, out)
			}
		}
		if c.width > 0 && widest(out) > c.width {
			t.Errorf("width %d: %d wide\n%s", c.width, widest(out), out)
		}
	}
}

// TestGridFolds: what may be folded is cut before any column goes, down to its
// least width; then columns go.
func TestGridFolds(t *testing.T) {
	g := NewGrid(Column{Title: "NAME"}, Column{Title: "PRICE", Drop: 1}, Column{Title: "NOTES", Drop: 2, Fold: 12})
	g.Add("web1", "1.00", "power=wind, sharing=exclusive")
	g.Add("web2", "2.00", "power=sun")
	for _, c := range []struct {
		width      int
		row, other string
	}{
		{0, "│ web1 │ 1.00  │ power=wind, sharing=exclusive │", "│ web2 │ 2.00  │ power=sun                     │"},
		{48, "│ web1 │ 1.00  │ power=wind, sharing=exclusive │", "│ web2 │ 2.00  │ power=sun                     │"},
		{40, "│ web1 │ 1.00  │ power=wind, sharing=… │", "│ web2 │ 2.00  │ power=sun             │"},
		{31, "│ web1 │ 1.00  │ power=wind,… │", "│ web2 │ 2.00  │ power=sun    │"},
		{30, "│ web1 │ 1.00  │\n", "│ web2 │ 2.00  │\n"},
	} {
		out := g.Render(c.width, false)
		if !strings.Contains(out, c.row) || !strings.Contains(out, c.other) {
			t.Errorf("width %d: want %q and %q in\n%s", c.width, c.row, c.other, out)
		}
		if c.width > 0 && widest(out) > c.width {
			t.Errorf("width %d: %d wide\n%s", c.width, widest(out), out)
		}
	}
}

func TestPlainGridIsASCII(t *testing.T) {
	g := NewGrid(Column{Title: "NOTES", Fold: 12})
	g.Add("power=wind, sharing=exclusive")
	for _, r := range grid().Render(0, true) + g.Render(20, true) {
		if r > 0x7e {
			t.Fatalf("%q in a plain table", r)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m", 47 * time.Hour: "47h", 72 * time.Hour: "3d",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%s) = %s, want %s", d, got, want)
		}
	}
}
