package spec

import (
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// detect chooses the encoding that knows most of the file's keys. Keys that it
// does not know and another does are faults when the file is walked.
func (r *reader) detect(root *node) *encoding {
	r.encodings = encodings()
	paths := r.known(root)
	chosen, most := 0, -1
	for i := range r.encodings {
		count := 0
		for _, p := range paths {
			if p.in[i] {
				count++
			}
		}
		if count > most {
			chosen, most = i, count
		}
	}
	for i := range r.encodings {
		for _, p := range paths {
			if p.in[chosen] && !p.in[i] {
				r.encodings[i].evidence = append(r.encodings[i].evidence, p.path)
			}
		}
	}
	r.chosen = &r.encodings[chosen]
	r.ambiguous(root)
	return r.chosen
}

// known is one path of the file and which of the encodings have it.
type known struct {
	path string
	in   []bool
}

// known are the paths of the file that any encoding has, groups opened.
func (r *reader) known(root *node) []known {
	var all []known
	note := func(path string, groups bool) {
		k := known{path, make([]bool, len(r.encodings))}
		for i := range r.encodings {
			k.in[i] = r.encodings[i].leaf(path, groups) != nil
		}
		if slices.Contains(k.in, true) {
			all = append(all, k)
		}
	}
	seen := map[string]bool{}
	for _, m := range root.members {
		if seen[m.key] || len(m.key) > 40 {
			continue
		}
		seen[m.key] = true
		if m.value.kind != objectNode || !r.grouped(m.key) {
			note(m.key, m.value.kind == nullNode)
			continue
		}
		if len(m.value.members) == 0 {
			note(m.key, true)
		}
		for _, inner := range m.value.members {
			path := m.key + "." + inner.key
			if !seen[path] && len(path) <= 80 {
				seen[path] = true
				note(path, false)
			}
		}
	}
	return all
}

// grouped reports whether any encoding has a group of that name.
func (r *reader) grouped(key string) bool {
	for i := range r.encodings {
		if f := r.encodings[i].leaf(key, true); f != nil && f.within != nil {
			return true
		}
	}
	return false
}

// foreign is another encoding that has a key which the chosen one has not, and
// what it means there.
func (r *reader) foreign(path string, n *node) (*encoding, string) {
	if r.chosen == nil {
		return nil, ""
	}
	var best *encoding
	means, most := "", -1
	for i := range r.encodings {
		e := &r.encodings[i]
		f := e.leaf(path, n.kind == objectNode || n.kind == nullNode)
		if e == r.chosen || f == nil {
			continue
		}
		// Of the encodings with such a group, the one that knows most of what is in
		// it is meant.
		count := 0
		for _, inner := range f.within {
			if n.member(inner.key) != nil {
				count++
			}
		}
		if count > most {
			best, means, most = e, f.means, count
		}
	}
	return best, means
}

// evidence names some keys of the file that the chosen encoding has and the
// other has not.
func (r *reader) evidence(other *encoding) string {
	names := other.evidence
	if len(names) > 3 {
		names = append(names[:3:3], "…")
	}
	return strings.Join(names, ", ")
}

// ambiguous refuses a file whose every key is also one of the graphical clients
// and that has some of theirs, where its memory makes sense both in MiB and in
// GB: 16 with firmware and nothing else may be either.
func (r *reader) ambiguous(root *node) {
	const plausibleGB = 512
	ram := root.member("ramsize")
	if r.chosen.name != "flat" || ram == nil || ram.kind != numberNode || root.member("firmware") == nil && root.member("autostart") == nil {
		return
	}
	clients := encoding{fields: gui()}
	for _, m := range root.members {
		if clients.leaf(m.key, true) == nil {
			return
		}
	}
	if _, ok := integer(16, plausibleGB-1).read(&reader{}, value{node: ram}); !ok {
		return
	}
	r.add(value{ram, "ramsize"}, core.Fault{
		Have: ram.shown(), Want: "a key that tells the encoding",
		Text: ram.shown() + " may be MiB or, with the keys of the graphical clients, GB: " +
			`want "misc": {"os_family": …} beside it for MiB, or "vm_name" for GB`,
	})
}
