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

func TestPlainGridIsASCII(t *testing.T) {
	for _, r := range grid().Render(0, true) {
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
