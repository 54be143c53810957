package spec

import (
	"strings"
	"unicode"

	"github.com/mesoncloud/meson/core"
)

// text is a string with a meaning: a name, a flag, a key.
type text struct {
	// want says in words what is right.
	want string
	// normal is the text as the pledge has it, or why it is wrong, as a clause
	// after the value such as "is no name".
	normal func(string) (normal, why string)
	// pattern, values and most, where set, are told by the schema. Most also
	// bounds what normal is given, in bytes.
	pattern string
	values  []string
	most    int
	// optional reads the empty text as nothing.
	optional bool
	// hidden keeps the value out of faults.
	hidden bool
}

func (f text) read(r *reader, v value) (string, bool) {
	if v.kind == unreadNode {
		return "", false
	}
	s, ok := v.asText()
	switch {
	case !ok && v.plain && !f.hidden:
		r.reject(v, v.shown(), "is not a text", f.want+", in quotes")
		return "", false
	case !ok:
		r.mistype(v, f.want)
		return "", false
	case s == "" && f.optional:
		return "", true
	case s == "":
		r.reject(v, `""`, "is empty", f.want)
		return "", false
	}
	have := quoted(s)
	if f.hidden {
		have = ""
	}
	if f.most > 0 && len(s) > f.most {
		r.reject(v, have, "is too long", f.want)
		return "", false
	}
	normal, why := f.normal(s)
	if why != "" {
		r.reject(v, have, why, f.want)
		return "", false
	}
	return normal, true
}

func (f text) schema() map[string]any {
	s := map[string]any{"type": "string", "description": f.want}
	if f.most > 0 {
		// JSON Schema counts characters, of which there are never more than bytes.
		s["maxLength"] = f.most
	}
	pattern := f.pattern
	if pattern != "" && f.optional {
		pattern = "^$|" + pattern
	}
	if pattern != "" {
		s["pattern"] = pattern
	} else if !f.optional {
		s["minLength"] = 1
	}
	if len(f.values) > 0 {
		// The first alternative is for editors, which offer its values.
		return map[string]any{"anyOf": []any{map[string]any{"enum": f.values}, s}}
	}
	return s
}

func (text) node(s string) *node { return textNode(s) }

// secret is a text that is never shown.
type secret struct{ text }

func newSecret(what string, most int, lines bool) secret {
	return secret{text{
		want: what, most: most, optional: true, hidden: true,
		normal: func(s string) (string, string) {
			for _, c := range s {
				if c == 0 || !lines && unicode.IsControl(c) {
					return "", "has a control character"
				}
			}
			return s, ""
		},
	}}
}

func (f secret) read(r *reader, v value) (core.Secret, bool) {
	s, ok := f.text.read(r, v)
	if !ok {
		return core.Secret{}, false
	}
	var hidden core.Secret
	// What was printed comes back as no value; the type knows its own mark.
	ok = hidden.UnmarshalText([]byte(s)) == nil
	return hidden, ok
}

// name is what volumes and machines are called: a DNS label.
func name() text {
	return text{
		want: "a name of a-z, 0-9 and inner hyphens, at most 63", most: 63, pattern: `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`,
		normal: func(s string) (string, string) {
			if !only(s, "abcdefghijklmnopqrstuvwxyz0123456789-") || s[0] == '-' || s[len(s)-1] == '-' {
				return "", "is no name"
			}
			return s, ""
		},
	}
}

// title is a name as people write it, such as "Argon 2", made one of a machine.
func title() text {
	strict := name()
	return text{
		want: "a name of letters, digits, spaces and hyphens, at most 63", most: 63, optional: true,
		normal: func(s string) (string, string) {
			s = strings.ToLower(strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == '_' }), "-"))
			if s == "" {
				return "", "is no name"
			}
			return strict.normal(s)
		},
	}
}

// note is a free text for people.
func note(what string, most int) text {
	return text{
		want: what, most: most, optional: true,
		normal: func(s string) (string, string) {
			for _, c := range s {
				if unicode.IsControl(c) && c != '\n' && c != '\t' {
					return "", "has a control character"
				}
			}
			return s, ""
		},
	}
}

// word is one of few values, in any case.
func word(values ...string) text {
	return text{
		want: strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1], values: values, most: 32, optional: true,
		normal: func(s string) (string, string) {
			s = strings.ToLower(s)
			for _, v := range values {
				if s == v {
					return s, ""
				}
			}
			return "", "is not known"
		},
	}
}

// opaque is an identifier of somebody else's.
func opaque(what string) text {
	return text{
		want: what + " of letters, digits, dot, hyphen and underscore, at most 128", most: 128, pattern: `^[A-Za-z0-9._-]{1,128}$`,
		normal: func(s string) (string, string) {
			// Dots alone are the names of folders.
			if !only(s, letters+"0123456789._-") || only(s, ".") {
				return "", "is no such id"
			}
			return s, ""
		},
	}
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// only reports whether s has no byte but those of set.
func only(s, set string) bool { return strings.Trim(s, set) == "" }
