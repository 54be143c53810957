package spec

import (
	"fmt"
	"strings"
)

// list is several values of one form. Null is the empty list.
type list[V any] struct {
	item form[V]
	most int
	want string
	// single takes one value without its list, blank also the empty text, as none.
	single, blank bool
	// whole keeps an override's text in one piece; else commas divide it.
	whole bool
	// id, where set, tells what may be there once only.
	id func(V) string
}

func (f list[V]) read(r *reader, v value) ([]V, bool) {
	read := []V{}
	switch {
	case v.kind == unreadNode:
		return nil, false
	case v.kind == nullNode:
		return read, true
	case v.kind == stringNode && v.text == "" && f.blank:
		return read, true
	case v.kind == stringNode && f.single:
		one, ok := f.item.read(r, v)
		return append(read, one), ok
	case v.kind != listNode:
		r.mistype(v, f.want)
		return nil, false
	case len(v.items) > f.most:
		r.reject(v, fmt.Sprintf("%d entries", len(v.items)), "are too many", fmt.Sprintf("at most %d", f.most))
		return nil, false
	}
	good := true
	seen := map[string]int{}
	for i := range v.items {
		item := v.index(i)
		one, ok := f.item.read(r, item)
		good = good && ok
		if !ok {
			continue
		}
		read = append(read, one)
		if f.id == nil {
			continue
		}
		id := f.id(one)
		if first, twice := seen[id]; twice {
			r.reject(item, "the entry", fmt.Sprintf("is the same as %s[%d]", v.path, first), "each once")
			good = false
		} else {
			seen[id] = i
		}
	}
	return read, good
}

func (f list[V]) schema() map[string]any {
	item := f.item.schema()
	s := map[string]any{"type": []string{"array", "null"}, "items": item, "maxItems": f.most}
	forms := []any{s}
	if f.single {
		forms = append(forms, item)
	}
	if f.blank {
		forms = append(forms, map[string]any{"const": ""})
	}
	if len(forms) > 1 {
		return map[string]any{"anyOf": forms}
	}
	return s
}

// node reads the text of an override: entries with commas between them, or a
// list in JSON, which is how a reason says what would fit.
func (f list[V]) node(text string) *node {
	if n := jsonList(text); n != nil {
		return n
	}
	n := &node{kind: listNode}
	switch {
	case text == "":
	case f.whole:
		n.items = []*node{f.item.node(text)}
	default:
		for part := range strings.SplitSeq(text, ",") {
			n.items = append(n.items, f.item.node(strings.TrimSpace(part)))
		}
	}
	return n
}

// jsonList is the list that a text is in JSON, nil if it is none.
func jsonList(text string) *node {
	data := []byte(text)
	if !strings.HasPrefix(text, "[") || measureJSON(data) != nil {
		return nil
	}
	n, fault := decodeJSON(data)
	if fault != nil || n.kind != listNode {
		return nil
	}
	n.unplace()
	return n
}

// either is a value that may be written as an object or in the first form.
type either[V any] struct{ first, object form[V] }

func (f either[V]) read(r *reader, v value) (V, bool) {
	if v.kind == objectNode {
		return f.object.read(r, v)
	}
	return f.first.read(r, v)
}

func (f either[V]) schema() map[string]any {
	return map[string]any{"anyOf": []any{f.first.schema(), f.object.schema()}}
}

func (f either[V]) node(text string) *node { return f.first.node(text) }
