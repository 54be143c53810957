package spec

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/mesoncloud/meson/core"
)

// decode is the tree of a file of either syntax; nil, with faults, where there
// is none. What starts as JSON does is read as JSON with comments, or else, since
// a YAML file may start so too, as YAML; the rest is YAML.
func (r *reader) decode(data []byte) *node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch {
	case len(data) > MaxSize:
		r.add(value{}, tooLarge())
		return nil
	case !utf8.Valid(data):
		r.add(value{}, notUTF8(data))
		return nil
	case bytes.IndexByte(data, 0) >= 0:
		r.add(value{}, core.Fault{Want: "JSON or YAML", Text: "the file has a NUL byte: it is not text"})
		return nil
	}
	first := bytes.TrimLeft(data, " \t\r\n")
	if len(first) == 0 {
		r.add(value{}, emptyFile())
		return nil
	}
	if first[0] != '{' && first[0] != '[' && first[0] != '/' {
		return r.decodeYAML(data)
	}
	if fault := measureJSON(data); fault != nil {
		r.add(value{}, *fault)
		return nil
	}
	root, fault := decodeJSON(data)
	if fault == nil {
		return root
	}
	if first[0] != '/' {
		other := &reader{}
		if root := other.decodeYAML(data); root != nil {
			r.faults, r.more = other.faults, other.more
			return root
		}
	}
	r.add(value{}, *fault)
	return nil
}

func tooLarge() core.Fault {
	return core.Fault{Want: "at most 1 MiB", Text: "the input is larger than 1 MiB, the most that is read"}
}

func emptyFile() core.Fault {
	return core.Fault{Want: "a spec", Text: `the input is empty: the shortest spec is {"slots": 1}`}
}

func notUTF8(data []byte) core.Fault {
	bad := 0
	for bad < len(data) {
		c, n := utf8.DecodeRune(data[bad:])
		if c == utf8.RuneError && n == 1 {
			break
		}
		bad += n
	}
	at := place{data: data}
	at.advance(bad)
	return core.Fault{
		Want: "UTF-8", Text: fmt.Sprintf("byte 0x%02x is not UTF-8: save the file as UTF-8", data[bad]),
		Line: at.line + 1, Column: at.column + 1,
	}
}

func tooDeep(line, column int) core.Fault {
	return core.Fault{
		Want: fmt.Sprintf("at most %d levels", maxDepth), Text: fmt.Sprintf("lists and objects nest deeper than %d levels", maxDepth),
		Line: line, Column: column,
	}
}

func tooMany() core.Fault {
	return core.Fault{Want: "fewer values", Text: "the file has more values than any spec needs"}
}

// place turns growing offsets into lines and columns, in one pass over the file.
type place struct {
	data         []byte
	offset       int
	line, column int // from 0
}

// advance moves to an offset, which must not be before the present one.
func (p *place) advance(to int) {
	for p.offset < to {
		c, n := utf8.DecodeRune(p.data[p.offset:])
		p.offset += n
		p.column++
		if c == '\n' {
			p.line, p.column = p.line+1, 0
		}
	}
}
