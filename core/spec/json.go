package spec

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/mesoncloud/meson/core"
)

// measureJSON refuses what nests too deep or has too many values, without
// recursion and before anything is allocated.
func measureJSON(data []byte) *core.Fault {
	depth, marks := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '/':
			if bytes.HasPrefix(data[i:], []byte("//")) {
				i = end(data, i, "\n")
			} else if bytes.HasPrefix(data[i:], []byte("/*")) {
				i = end(data, i+2, "*/")
			}
		case '{', '[':
			marks++
			if depth++; depth > maxDepth {
				at := place{data: data}
				at.advance(i)
				fault := tooDeep(at.line+1, at.column+1)
				return &fault
			}
		case '}', ']':
			depth--
		case ',':
			marks++
		}
		if marks > maxMarks {
			fault := tooMany()
			return &fault
		}
	}
	return nil
}

// end is the offset of the last byte of what mark ends.
func end(data []byte, from int, mark string) int {
	if from > len(data) {
		return len(data)
	}
	n := bytes.Index(data[from:], []byte(mark))
	if n < 0 {
		return len(data)
	}
	return from + n + len(mark) - 1
}

// decodeJSON reads JSON with comments and trailing commas. A file that is not
// one has a single fault, which shows nothing of its values.
func decodeJSON(data []byte) (*node, *core.Fault) {
	// The library wants a comment of one line to be ended.
	text := append(slices.Clip(data), '\n')
	v, err := hujson.Parse(text)
	if err != nil {
		return nil, jsonFault(text, err)
	}
	c := jsonConverter{place{data: text}}
	return c.node(&v), nil
}

// jsonConverter walks a file's values in order.
type jsonConverter struct{ at place }

func (c *jsonConverter) node(v *hujson.Value) *node {
	c.at.advance(v.StartOffset)
	n := &node{line: c.at.line + 1, column: c.at.column + 1}
	switch t := v.Value.(type) {
	case *hujson.Object:
		n.kind = objectNode
		for i := range t.Members {
			m := &t.Members[i]
			key := c.node(&m.Name)
			n.members = append(n.members, member{key.text, key.line, key.column, c.node(&m.Value)})
		}
	case *hujson.Array:
		n.kind = listNode
		for i := range t.Elements {
			n.items = append(n.items, c.node(&t.Elements[i]))
		}
	case hujson.Literal:
		n.kind, n.text = jsonScalar(t)
	}
	return n
}

func jsonScalar(l hujson.Literal) (kind, string) {
	switch l.Kind() {
	case '"':
		return stringNode, l.String()
	case '0':
		return numberNode, string(l)
	case 't', 'f':
		return boolNode, string(l)
	default:
		return nullNode, ""
	}
}

// jsonFault says where the syntax is wrong in words of its own, since the
// library quotes the text, which may be a secret.
func jsonFault(data []byte, err error) *core.Fault {
	f := core.Fault{Want: "JSON or YAML", Text: "this is neither JSON nor YAML here"}
	if _, scan := fmt.Sscanf(err.Error(), "hujson: line %d, column %d", &f.Line, &f.Column); scan != nil {
		return &f
	}
	rest := data
	for range f.Line - 1 {
		rest = rest[bytes.IndexByte(rest, '\n')+1:]
	}
	rest = rest[min(f.Column-1, len(rest)):]
	message := err.Error()
	word := strings.TrimLeft(string(rest[:min(len(rest), 9)]), "+-")
	switch {
	case strings.Contains(message, "comment"):
		f.Text = "a comment does not end"
	case strings.Contains(message, "EOF"):
		f.Text = "the file ends within a value: a bracket, a quote or a comma is missing"
	case len(rest) > 0 && rest[0] == '"' && strings.Contains(message, "literal"):
		f.Text = "a text has a control character or an escape that JSON does not know"
	case strings.HasPrefix(word, "NaN"), strings.HasPrefix(word, "Infinity"):
		f.Text = "NaN and Infinity are not numbers"
	case strings.Contains(message, "literal"):
		f.Text = "a text needs quotes, and a number is written as 2 or 0.5"
	case strings.Contains(message, "object name"):
		f.Text = "want a key in quotes and a colon"
	case strings.Contains(message, "expecting"):
		f.Text = "want a comma or the closing bracket"
	case strings.Contains(message, "top-level"):
		f.Text = "something follows the end of the spec"
	}
	return &f
}
