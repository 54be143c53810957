package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/mesoncloud/meson/core"
)

// duplicate records a key that stands twice in an object.
func (r *reader) duplicate(key value, first member) {
	at := "before"
	if first.line > 0 {
		at = fmt.Sprintf("on line %d", first.line)
	}
	r.add(key, core.Fault{Want: "each key once", Text: "the key stands twice, first " + at + ": want each key once"})
}

// unknown records a key that its object does not have, with what was meant: a
// key of another encoding, the place where this encoding has it, or one spelt
// alike. The value may be a secret and is not shown.
func (r *reader) unknown(key value, m member, siblings []string) {
	fault := core.Fault{Have: shortened(m.key)}
	if other, means := r.foreign(key.path, m.value); other != nil {
		fault.Want = "the keys of one encoding"
		fault.Text = fmt.Sprintf("this key is of the %s encoding, and the file has keys of the %s one (%s): want the keys of one encoding",
			other.name, r.chosen.name, r.evidence(other))
		if own := r.chosen.path(means); own != "" {
			fault.Text += fmt.Sprintf("; here it is `%s`", own)
		}
		r.add(key, fault)
		return
	}
	fault.Text = fmt.Sprintf("unknown key `%s`", fault.Have)
	if near := nearest(m.key, siblings); near != "" {
		fault.Want = near
		fault.Text += fmt.Sprintf(": did you mean `%s`?", near)
	} else if path := r.elsewhere(m.key); path != "" {
		fault.Want = path
		fault.Text += fmt.Sprintf(": did you mean `%s`?", path)
	} else {
		siblings = slices.Sorted(slices.Values(siblings))
		fault.Want = "one of " + strings.Join(siblings, ", ")
		fault.Text += ": want " + fault.Want
	}
	r.add(key, fault)
}

// elsewhere is a path of the file's encoding, or else a key of another, that is
// spelt like key.
func (r *reader) elsewhere(key string) string {
	if r.chosen == nil {
		return ""
	}
	for _, e := range append([]encoding{*r.chosen}, r.encodings...) {
		paths := e.paths()
		last := make([]string, len(paths))
		for i, path := range paths {
			last[i] = path[strings.LastIndexByte(path, '.')+1:]
		}
		if near := nearest(key, last); near != "" {
			return paths[slices.Index(last, near)]
		}
	}
	return ""
}

// nearest is the candidate that s most likely is a slip for, or nothing.
func nearest(s string, candidates []string) string {
	if len(s) > 40 {
		return ""
	}
	fold := func(s string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) }
	letters := func(s string) string { return string(slices.Sorted(slices.Values([]byte(fold(s))))) }
	best, least := "", 3
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(fold(s), fold(c))
		if d == 2 && letters(s) == letters(c) {
			d = 1 // two letters swapped
		}
		if d < least && d*3 <= len(c)+1 {
			best, least = c, d
		}
	}
	return best
}
