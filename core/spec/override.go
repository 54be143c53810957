package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// override applies "path=value" pairs in terms of the flat encoding.
func (r *reader) override(sets []string, d *draft) {
	if len(sets) == 0 {
		return
	}
	form := encoding{name: "flat", fields: flat()}
	for _, set := range sets {
		path, text, assigned := strings.Cut(set, "=")
		path = strings.TrimSpace(path)
		at := value{path: "--set " + shortened(path)}
		f := form.leaf(path, true)
		switch {
		case f != nil && f.hidden:
			r.add(at, core.Fault{Want: "a file", Text: "a secret is not set on the command line, which others can read: write it to the spec"})
		case f != nil && f.within != nil:
			var inner []string
			for _, g := range f.within {
				inner = append(inner, path+"."+g.key)
			}
			r.add(at, core.Fault{Want: "one of " + strings.Join(inner, ", "), Text: "this is a group: set " + strings.Join(inner, " or ")})
		case f == nil:
			r.unknownPath(at, path, form.paths())
		case !assigned:
			r.add(at, core.Fault{Want: path + "=VALUE", Text: "has no value: want " + path + "=VALUE"})
		default:
			f.read(r, value{f.node(strings.TrimSpace(text)), at.path}, d)
		}
	}
}

func (r *reader) unknownPath(at value, path string, paths []string) {
	fault := core.Fault{Have: shortened(path), Text: fmt.Sprintf("unknown key `%s`", shortened(path))}
	near := nearest(path, paths)
	form := encoding{fields: flat()}
	for _, e := range encodings() {
		if f := e.leaf(path, false); f != nil {
			near = form.path(f.means)
		}
	}
	if near == "" {
		if i := slices.IndexFunc(paths, func(p string) bool { return strings.HasSuffix(p, "."+path) }); i >= 0 {
			near = paths[i]
		}
	}
	if near != "" {
		fault.Want = near
		fault.Text += fmt.Sprintf(": did you mean `%s`?", near)
	} else {
		fault.Want = "one of " + strings.Join(paths, ", ")
		fault.Text += ": want " + fault.Want
	}
	r.add(at, fault)
}
