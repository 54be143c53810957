package spec

import (
	"maps"
	"slices"
)

// object is an entry of a list with keys of its own.
type object[T any] struct {
	fields []field[T]
	want   string
	// check completes an entry whose keys are all right.
	check func(r *reader, v value, into *T) bool
	// rules, where set, are more keywords for the schema.
	rules map[string]any
	// short is what an override's text means.
	short func(text string) *node
}

func (f object[T]) read(r *reader, v value) (T, bool) {
	var read T
	if v.kind == unreadNode {
		return read, false
	}
	if v.kind != objectNode {
		r.mistype(v, f.want)
		return read, false
	}
	good := walk(r, v, f.fields, &read)
	return read, f.check(r, v, &read) && good
}

func (f object[T]) schema() map[string]any {
	s := objectSchema(f.fields)
	maps.Copy(s, f.rules)
	return s
}

func (f object[T]) node(text string) *node { return f.short(text) }

// keyed is an object node with one text, for overrides.
func keyed(key, text string) *node {
	return &node{kind: objectNode, members: []member{{key: key, value: textNode(text)}}}
}

// field is one key of a T: a value, or a group of keys.
type field[T any] struct {
	key string
	// means is the path in the flat encoding that says the same, for hints.
	means  string
	within []field[T]
	read   func(r *reader, v value, into *T) bool
	schema func() map[string]any
	node   func(text string) *node
	// hidden fields are secrets, which cannot be set by an override.
	hidden bool
}

// bind makes a field of a form and of what is done with its value.
func bind[T, V any](means, key string, f form[V], set func(into *T, v V)) field[T] {
	_, hidden := any(f).(secret)
	return field[T]{
		key: key, means: means, schema: f.schema, node: f.node, hidden: hidden,
		read: func(r *reader, v value, into *T) bool {
			read, ok := f.read(r, v)
			if ok {
				set(into, read)
			}
			return ok
		},
	}
}

// group makes an object of fields of the same T.
func group[T any](key string, within ...field[T]) field[T] {
	return field[T]{
		key: key, within: within,
		read: func(r *reader, v value, into *T) bool {
			switch v.kind {
			case objectNode:
				return walk(r, v, within, into)
			case nullNode:
				return true
			case unreadNode:
				return false
			}
			r.mistype(v, "an object")
			return false
		},
		schema: func() map[string]any {
			s := objectSchema(within)
			s["type"] = []string{"object", "null"}
			return s
		},
	}
}

// walk reads the members of an object in their order. It is false after a fault.
func walk[T any](r *reader, v value, fields []field[T], into *T) bool {
	good := true
	first := make(map[string]member, len(v.members))
	for _, m := range v.members {
		if r.full() {
			return false
		}
		at := v.at(m.key, m.value)
		key := value{&node{line: m.line, column: m.column}, v.at(shortened(m.key), nil).path}
		if old, twice := first[m.key]; twice {
			r.duplicate(key, old)
			good = false
			continue
		}
		first[m.key] = m
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.key == m.key })
		if i < 0 {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.key
			}
			r.unknown(key, m, names)
			good = false
			continue
		}
		good = fields[i].read(r, at, into) && good
	}
	return good
}

func objectSchema[T any](fields []field[T]) map[string]any {
	properties := map[string]any{}
	for _, f := range fields {
		properties[f.key] = f.schema()
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}
