package render

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Column is one column of a Grid.
type Column struct {
	Title string
	// Right aligns numbers.
	Right bool
	// Drop says which columns go first where the terminal is too narrow: the
	// highest goes first, 0 never goes.
	Drop int
	// Fold is the width that the column's cells may be cut to, with an ellipsis,
	// before any column goes; 0 is never.
	Fold int
}

// Grid is a table for people. Cells are made visible when they are added.
type Grid struct {
	columns []Column
	rows    [][]string
	marks   map[int]func(string) string
}

// NewGrid starts an empty table.
func NewGrid(columns ...Column) *Grid {
	return &Grid{columns: columns, marks: map[int]func(string) string{}}
}

// Add appends a row; it has one cell for each column.
func (g *Grid) Add(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = Visible(c)
	}
	g.rows = append(g.rows, row)
}

// Paint colours the cells of the column with this title, if paint is not nil.
func (g *Grid) Paint(title string, paint func(string) string) {
	for i, c := range g.columns {
		if c.Title == title && paint != nil {
			g.marks[i] = paint
		}
	}
}

// Render draws the table, folding columns, then leaving some out until it is at
// most width wide, then cutting lines off; a width of 0 is no limit. Plain draws
// it in ASCII.
func (g *Grid) Render(width int, plain bool) string {
	hidden := make([]bool, len(g.columns))
	for {
		out := g.draw(hidden, 0, plain)
		if width <= 0 || widest(out) <= width {
			return out
		}
		if folded := g.fold(hidden, widest(out)-width, plain); folded != nil {
			return folded.draw(hidden, 0, plain)
		}
		drop := -1
		for i, c := range g.columns {
			if !hidden[i] && c.Drop > 0 && (drop < 0 || c.Drop > g.columns[drop].Drop) {
				drop = i
			}
		}
		if drop < 0 {
			return g.draw(hidden, width, plain)
		}
		hidden[drop] = true
	}
}

// fold is a copy of the table whose first column that may be folded is narrower
// by so many characters; nil if no column has as many to spare.
func (g *Grid) fold(hidden []bool, less int, plain bool) *Grid {
	ellipsis := "…"
	if plain {
		ellipsis = "..."
	}
	for i, c := range g.columns {
		if hidden[i] || c.Fold == 0 {
			continue
		}
		wide := text.StringWidth(c.Title)
		for _, row := range g.rows {
			wide = max(wide, text.StringWidth(row[i]))
		}
		if wide-less < max(c.Fold, text.StringWidth(c.Title)) {
			continue
		}
		folded := *g
		folded.rows = make([][]string, len(g.rows))
		for n, row := range g.rows {
			folded.rows[n] = slices.Clone(row)
			folded.rows[n][i] = text.Snip(row[i], wide-less, ellipsis)
		}
		return &folded
	}
	return nil
}

func (g *Grid) draw(hidden []bool, width int, plain bool) string {
	tw := table.NewWriter()
	style := table.StyleLight
	if plain {
		style = table.StyleDefault
	}
	style.Format.Header = text.FormatDefault
	style.Size.WidthMax = width
	tw.SetStyle(style)
	header := table.Row{}
	var configs []table.ColumnConfig
	for i, c := range g.columns {
		if hidden[i] {
			continue
		}
		header = append(header, c.Title)
		cfg := table.ColumnConfig{Number: len(header)}
		if c.Right {
			cfg.Align, cfg.AlignHeader = text.AlignRight, text.AlignRight
		}
		configs = append(configs, cfg)
	}
	tw.AppendHeader(header)
	tw.SetColumnConfigs(configs)
	for _, row := range g.rows {
		out := table.Row{}
		for i, cell := range row {
			if hidden[i] {
				continue
			}
			if paint := g.marks[i]; paint != nil {
				cell = paint(cell)
			}
			out = append(out, cell)
		}
		tw.AppendRow(out)
	}
	return tw.Render() + "\n"
}

func widest(s string) int {
	w := 0
	for line := range strings.Lines(s) {
		w = max(w, text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")))
	}
	return w
}
