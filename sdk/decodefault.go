package sdk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

func (d *decoder) fault(f Fault) {
	if len(d.faults) < maxFaults {
		d.faults = append(d.faults, f)
	}
}

func (d *decoder) wrong(path string, have any, want string) {
	shown := show(have)
	d.fault(Fault{Path: path, Have: shown, Want: want, Text: fmt.Sprintf("%s: want %s", shown, want)})
}

func (f *field) wantText() string {
	switch {
	case f.enum != nil:
		return "one of " + strings.Join(f.enum, ", ")
	case f.example != "":
		return fmt.Sprintf("a %s such as %s", f.node.text(), f.example)
	}
	return "a " + f.node.text()
}

// show is a value as a person wrote it, shortened.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return quote(v)
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return CleanText(v.String(), 64)
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case *object:
		return "an object"
	}
	return ""
}

// suggest is ": did you mean X?" where one of the names is close.
func suggest(have string, names []string) string {
	if len(have) < 3 || len(have) > 64 {
		return ""
	}
	best, distance := "", max(2, len(have)/3)+1
	for _, name := range names {
		if n := levenshtein.ComputeDistance(strings.ToLower(have), strings.ToLower(name)); n < distance {
			best, distance = name, n
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}
