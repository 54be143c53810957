package spec

import (
	"strconv"
	"strings"
	"unicode"
)

// kind is what a node is, whatever syntax it was written in.
type kind int

const (
	// unreadNode stands where a fault was found already; nothing looks inside.
	unreadNode kind = iota
	nullNode
	boolNode
	numberNode
	stringNode
	listNode
	objectNode
)

// node is one value of a decoded file, with its place.
type node struct {
	kind kind
	// text is the value of a string and the literal of a boolean or a number.
	text string
	// plain is set where the kind of a scalar was guessed from its look: without
	// quotes in YAML, or in an override. 8086 may then be a text.
	plain   bool
	items   []*node
	members []member
	// line and column count from 1; 0 where there is no place.
	line, column int
}

// member is one key of an object and its value, in the order of the file.
type member struct {
	key          string
	line, column int
	value        *node
}

// member is the value of a key, nil where there is none.
func (n *node) member(key string) *node {
	for _, m := range n.members {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// asText is the text of a node that can be one.
func (n *node) asText() (string, bool) {
	return n.text, n.kind == stringNode || n.kind == numberNode && n.plain
}

// what names the kind for people.
func (n *node) what() string {
	switch n.kind {
	case nullNode:
		return "null"
	case boolNode:
		return "a truth value"
	case numberNode:
		return "a number"
	case stringNode:
		return "a text"
	case listNode:
		return "a list"
	case objectNode:
		return "an object"
	default:
		return "unreadable"
	}
}

// shown is the value for a message, shortened; lists and objects by kind only.
// Callers keep secrets away from it.
func (n *node) shown() string {
	switch n.kind {
	case stringNode:
		return quoted(n.text)
	case numberNode, boolNode:
		return shortened(n.text)
	default:
		return n.what()
	}
}

func quoted(s string) string { return strconv.Quote(shortened(s)) }

// shortened is at most 40 characters of s on one line, safe for a terminal.
func shortened(s string) string {
	const most = 40
	var b strings.Builder
	count := 0
	for _, c := range s {
		if count == most {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(c) {
			c = '�'
		}
		b.WriteRune(c)
		count++
	}
	return b.String()
}

// textNode is a text, whatever it looks like.
func textNode(text string) *node { return &node{kind: stringNode, text: text} }

// plainNode is a value written without quotes in an override.
func plainNode(text string) *node {
	n := &node{kind: stringNode, text: text, plain: true}
	switch {
	case text == "true" || text == "false":
		n.kind = boolNode
	case isNumber(text):
		n.kind = numberNode
	}
	return n
}

// isNumber reports whether s is a number as JSON writes it.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, rest := digits(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if strings.HasPrefix(rest, ".") {
		var fraction string
		if fraction, rest = digits(rest[1:]); fraction == "" {
			return false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		var exponent string
		if exponent, rest = digits(rest); exponent == "" {
			return false
		}
	}
	return rest == ""
}

// digits splits s after its leading digits.
func digits(s string) (lead, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return s[:len(s)-len(rest)], rest
}

// unplace forgets where a node was in its text, for one that is not of a file.
func (n *node) unplace() {
	n.line, n.column = 0, 0
	for _, item := range n.items {
		item.unplace()
	}
	for i := range n.members {
		n.members[i].line, n.members[i].column = 0, 0
		n.members[i].value.unplace()
	}
}
