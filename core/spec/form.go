package spec

// form is one way in which a value is written: how it is read, what its JSON
// Schema is, and what an override's text means.
type form[V any] interface {
	// read is the meaning of v, or false after a fault; also false, without one,
	// where v says nothing.
	read(r *reader, v value) (V, bool)
	// schema is a JSON Schema of what read takes. It may take more.
	schema() map[string]any
	// node is what the text of an override means.
	node(text string) *node
}

// boolean is true or false.
type boolean struct{}

func (boolean) read(r *reader, v value) (bool, bool) {
	switch {
	case v.kind == unreadNode:
		return false, false
	case v.kind == boolNode:
		return v.text == "true", true
	case v.kind == stringNode || v.kind == numberNode:
		r.reject(v, v.shown(), "is not a truth value", "true or false, without quotes")
	default:
		r.mistype(v, "true or false")
	}
	return false, false
}

func (boolean) schema() map[string]any { return map[string]any{"type": "boolean"} }

func (boolean) node(text string) *node { return plainNode(text) }
