package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Format is how a command's result is written.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Encode writes v as one document of JSON, indented by two spaces, or of YAML.
// Both have the same keys in the same order. Characters that could move a
// cursor are escaped, which leaves the document's meaning as it is.
func Encode(w io.Writer, format Format, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode %s: %w", format, err)
	}
	out := escapeHostile(buf.Bytes()) // before YAML is read, which forbids them
	if format == YAML {
		var err error
		if out, err = toYAML(out); err != nil {
			return fmt.Errorf("encode yaml: %w", err)
		}
	}
	_, err := w.Write(escapeHostile(out))
	return err
}

// EncodeLine writes v as one line of JSON, for streams of documents.
func EncodeLine(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode json: %w", err)
	}
	_, err := w.Write(escapeHostile(buf.Bytes()))
	return err
}

// toYAML re-writes a JSON document, which is YAML already, in block style: one
// set of structs serves both, and keys keep their order.
func toYAML(doc []byte) ([]byte, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(doc, &node); err != nil {
		return nil, err
	}
	block(&node)
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(&node); err != nil {
		return nil, err
	}
	return buf.Bytes(), enc.Close()
}

func block(n *yaml.Node) {
	empty := (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && len(n.Content) == 0
	switch {
	case empty:
		n.Style = yaml.FlowStyle
	case n.Kind == yaml.ScalarNode && needsEscape(n.Value):
		n.Style = yaml.DoubleQuotedStyle // the one style in which escapes stand
	default:
		n.Style = 0
	}
	for _, c := range n.Content {
		block(c)
	}
}

// escapeHostile writes what stands raw in a document's strings as \uXXXX.
// Outside of strings neither encoder writes any such character but line ends.
func escapeHostile(doc []byte) []byte {
	clean := true
	for _, r := range string(doc) {
		if r != '\n' && hostile(r) {
			clean = false
			break
		}
	}
	if clean {
		return doc
	}
	var b strings.Builder
	for _, r := range string(doc) {
		if r != '\n' && hostile(r) && r != utf8.RuneError {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return []byte(b.String())
}
