package spec

import (
	"fmt"

	"github.com/mesoncloud/meson/core"
)

// value is a node and where it stands, in the terms of the file.
type value struct {
	*node
	path string
}

// at is a value inside v, under a key.
func (v value) at(key string, n *node) value {
	if v.path != "" {
		key = v.path + "." + key
	}
	return value{n, key}
}

// index is an item of the list v.
func (v value) index(i int) value {
	return value{v.items[i], fmt.Sprintf("%s[%d]", v.path, i)}
}

// reader collects the faults of one file.
type reader struct {
	faults []core.Fault
	// more is set once there are faults beyond maxFaults.
	more bool
	// encodings and chosen are set by detect.
	encodings []encoding
	chosen    *encoding
}

// add records a fault at v; path and place are filled in where f has none.
func (r *reader) add(v value, f core.Fault) {
	if len(r.faults) >= maxFaults {
		r.more = true
		return
	}
	if f.Path == "" {
		f.Path = v.path
	}
	if f.Line == 0 && v.node != nil {
		f.Line, f.Column = v.line, v.column
	}
	r.faults = append(r.faults, f)
}

// full reports that nothing more will be told, so that looking on is idle.
func (r *reader) full() bool { return r.more }

// reject records that v is wrong: "HAVE WHY: want WANT".
func (r *reader) reject(v value, have, why, want string) {
	subject := have
	if subject == "" {
		subject = "the value"
	}
	r.add(v, core.Fault{Have: have, Want: want, Text: subject + " " + why + ": want " + want})
}

// mistype records that v is of the wrong kind. It shows the kind alone, for a
// secret may stand in the wrong place.
func (r *reader) mistype(v value, want string) {
	r.add(v, core.Fault{Have: v.what(), Want: want, Text: v.what() + " stands here: want " + want})
}

// missing records that the object v lacks a key.
func (r *reader) missing(v value, key, want string) {
	r.add(v, core.Fault{Path: v.at(key, nil).path, Want: want, Text: "is missing: want " + want})
}

// err is nil, or the error with all faults.
func (r *reader) err(op, subject string) error {
	if len(r.faults) == 0 {
		return nil
	}
	faults := r.faults
	if r.more {
		faults = append(faults, core.Fault{Text: fmt.Sprintf("and more: these are the first %d", maxFaults)})
	}
	return &core.Error{Kind: core.Invalid, Op: op, Subject: subject, Faults: faults}
}
