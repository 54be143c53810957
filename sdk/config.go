package sdk

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A plugin's configuration is one struct C. Each exported field is a setting
// and has these tags:
//
//	json:"name"        its name; json:"-" leaves the field out
//	help:"…"           what it is, for people
//	default:"…"        the value when it is absent: texts and durations as they
//	                   are, anything else as JSON
//	required:"true"    it must be given
//	enum:"a,b"         one of these texts
//	min:"…" max:"…"    bounds of a number or duration, else of the length of a
//	                   text, list or map
//	pattern:"…"        regular expression that a text matches somewhere
//	secret:"true"      the type is Secret; it is given apart, never in the JSON
//	example:"…"        for people
//
// Fields are strings, booleans, integers, floats, time.Duration (texts such as
// "30s"), types with UnmarshalText, structs, slices and maps of these, and
// pointers where absent must differ from zero.
//
// A struct anywhere in the tree may have the method
//
//	Validate() []sdk.Fault
//
// on itself or its pointer. It is called when everything inside is right by
// itself; its paths are relative to the struct.
type validator interface{ Validate() []Fault }

// DecodeConfig reads the settings of a provider: defaults filled in, unknown
// keys refused with a suggestion, every fault reported at once in one Invalid
// error. Secrets are keyed by path, such as "token" or "hosts[0].password"; one
// line break at the end of a secret is left out, since it comes from a file. A
// defect of C itself is Internal.
func DecodeConfig[C any](config []byte, secrets map[string][]byte) (*C, error) {
	tree, err := configTree(reflect.TypeFor[C]())
	if err != nil {
		return nil, &Error{Kind: Internal, Source: SourcePlugin, Op: "read settings", Err: err}
	}
	c := new(C)
	if err := decodeConfig(tree, reflect.ValueOf(c).Elem(), config, secrets); err != nil {
		return nil, err
	}
	return c, nil
}

func decodeConfig(tree *node, into reflect.Value, config []byte, secrets map[string][]byte) error {
	const op = "read settings"
	if len(config) == 0 {
		config = []byte("{}")
	}
	v, err := parseJSON(config)
	if err != nil {
		// The text of a syntax error shows no part of the input but a character.
		return InvalidFaults(op, []Fault{{Want: "one JSON object", Text: "not valid JSON: " + CleanText(err.Error(), 200)}})
	}
	d := &decoder{secrets: secrets, used: map[string]bool{}}
	d.value(tree, v, into, "")
	_, whole := v.(*object)
	for _, key := range slices.Sorted(maps.Keys(secrets)) {
		if whole && !d.used[key] {
			d.fault(Fault{Path: CleanText(key, 200), Want: d.wantSecrets(), Text: "there is no such secret" + suggest(key, d.known)})
		}
	}
	return InvalidFaults(op, d.faults)
}

func (d *decoder) wantSecrets() string {
	if len(d.known) == 0 {
		return "no secret"
	}
	return "one of " + strings.Join(d.known, ", ")
}

// ConfigDocs is a table in Markdown of the settings of C, one row for each,
// those of nested structs after their parent, once where several have the same
// struct. A defect of C stands in its place.
func ConfigDocs[C any]() string {
	tree, err := configTree(reflect.TypeFor[C]())
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	b.WriteString("| Setting | Type | Default | Meaning |\n|---|---|---|---|\n")
	docRows(&b, tree, "", map[reflect.Type]string{})
	return b.String()
}

// docRows writes the rows of n; shown has where the structs before it are.
func docRows(b *strings.Builder, n *node, path string, shown map[reflect.Type]string) {
	for _, f := range n.fields {
		name, inner := join(path, f.name), f.node
		inside := name
		for inner.elem != nil {
			if inner.shape == shapeList {
				inside += "[]"
			} else {
				inside += ".NAME"
			}
			inner = inner.elem
		}
		help, before := f.helpText(), shown[inner.typ]
		if before != "" {
			help = strings.TrimSpace(fmt.Sprintf("%s Its settings are those of `%s`.", help, before))
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, cell(f.typeText()), cell(f.defaultText()), cell(help))
		if before == "" && inner.shape == shapeObject {
			shown[inner.typ] = inside
			docRows(b, inner, inside, shown)
		}
	}
}

func (f *field) typeText() string {
	t := f.node.text()
	if f.enum != nil {
		t = "one of `" + strings.Join(f.enum, "`, `") + "`"
	}
	switch {
	case f.min != "" && f.max != "":
		t += fmt.Sprintf(", %s to %s", f.min, f.max)
	case f.min != "":
		t += ", at least " + f.min
	case f.max != "":
		t += ", at most " + f.max
	}
	return t
}

func (f *field) defaultText() string {
	switch {
	case f.required:
		return "required"
	case f.hasDefault && f.fallback == "":
		return "empty"
	case f.hasDefault:
		return "`" + f.fallback + "`"
	}
	return ""
}

func (f *field) helpText() string {
	t := f.help
	if f.example != "" {
		t = strings.TrimSpace(t + " Example: `" + f.example + "`")
	}
	return t
}

func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n", " "), "|", `\|`)
}

// text names the kind of value for people.
func (n *node) text() string {
	switch n.shape {
	case shapeObject:
		return "object"
	case shapeList:
		return "list of " + n.elem.text()
	case shapeMap:
		return "map of " + n.elem.text()
	case shapeBool:
		return "true or false"
	case shapeInt:
		return "whole number"
	case shapeFloat:
		return "number"
	case shapeDuration:
		return "duration"
	case shapeSecret:
		return "secret"
	}
	return "text"
}
