package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/core"
)

// decodeYAML reads one YAML document. Anchors, aliases and tags are refused: a
// spec needs none, and with them a small file can mean a huge one.
func (r *reader) decodeYAML(data []byte) *node {
	marks := 0
	for _, mark := range []string{"\n", ":", ",", "[", "{", "- ", "? "} {
		marks += bytes.Count(data, []byte(mark))
	}
	if marks > maxMarks {
		r.add(value{}, tooMany())
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.add(value{}, emptyFile())
		return nil
	case err != nil:
		r.add(value{}, yamlFault(err))
		return nil
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		r.add(value{}, core.Fault{
			Want: "one document", Text: "a second YAML document follows: a file holds one spec", Line: next.Line, Column: next.Column,
		})
	case !errors.Is(err, io.EOF):
		r.add(value{}, yamlFault(err))
		return nil
	}
	if len(doc.Content) == 0 {
		r.add(value{}, emptyFile())
		return nil
	}
	root := r.yamlNode(doc.Content[0], "", 0)
	if root.kind == nullNode {
		r.add(value{}, emptyFile())
		return nil
	}
	return root
}

// yamlFault keeps of the library's message what holds no text of the file.
func yamlFault(err error) core.Fault {
	f := core.Fault{Want: "JSON or YAML"}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if _, scan := fmt.Sscanf(text, "line %d:", &f.Line); scan == nil {
		_, text, _ = strings.Cut(text, ": ")
	}
	if strings.Contains(text, "anchor") {
		text = "anchors and aliases are not read"
	}
	if strings.ContainsAny(text, "'\"`") {
		text = "this is not YAML"
	}
	f.Text = "not YAML: " + text
	return f
}

// yamlNode converts a node; what cannot stand in a spec is a fault and is left
// unread.
func (r *reader) yamlNode(y *yaml.Node, path string, depth int) *node {
	n := &node{line: y.Line, column: y.Column}
	v := value{n, path}
	refuse := func(text, want string) *node {
		r.add(v, core.Fault{Want: want, Text: text})
		return n
	}
	switch {
	case depth > maxDepth:
		r.add(v, tooDeep(y.Line, y.Column))
		return n
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		return refuse("anchors and aliases are not read", "the value itself")
	case y.Style&yaml.TaggedStyle != 0:
		return refuse("tags are not read", "the value without a tag, in quotes where it is a text")
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = objectNode
		for i := 0; i+1 < len(y.Content); i += 2 {
			key := y.Content[i]
			if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 {
				at := value{&node{line: key.Line, column: key.Column}, path}
				r.add(at, core.Fault{Want: "a text", Text: "a key is not a plain text: want a text without anchor or tag"})
				continue
			}
			inner := r.yamlNode(y.Content[i+1], v.at(shortened(key.Value), nil).path, depth+1)
			n.members = append(n.members, member{key.Value, key.Line, key.Column, inner})
		}
	case yaml.SequenceNode:
		n.kind = listNode
		for i, item := range y.Content {
			n.items = append(n.items, r.yamlNode(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	case yaml.ScalarNode:
		n.text, n.plain = y.Value, y.Style == 0
		n.kind = yamlScalar(y)
	}
	return n
}

// yamlScalar is the kind of a scalar. Numbers are those of JSON and, so that
// they are refused where a number is wanted rather than guessed at, every other
// look stays a text.
func yamlScalar(y *yaml.Node) kind {
	switch {
	case y.Style != 0:
		return stringNode
	case y.Value == "true" || y.Value == "false":
		return boolNode
	case y.ShortTag() == "!!null":
		return nullNode
	case isNumber(y.Value):
		return numberNode
	default:
		return stringNode
	}
}
