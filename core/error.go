package core

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is the closed set of ways in which something can go wrong. Each has one
// reaction in the broker and one exit code at the command line.
type Kind string

// The kinds. The first eleven are those of the plugin contract.
const (
	Invalid     Kind = "invalid"     // the request is wrong and stays wrong
	Denied      Kind = "denied"      // credentials or policy do not allow it
	NotFound    Kind = "not_found"   // it is not there
	Conflict    Kind = "conflict"    // same key or name, other request; or the price changed
	Busy        Kind = "busy"        // something else is under way on it
	Exhausted   Kind = "exhausted"   // no capacity, quota or funds, as Scope says
	Throttled   Kind = "throttled"   // the same may pass after RetryAfter
	Unsupported Kind = "unsupported" // this provider cannot do that
	Unavailable Kind = "unavailable" // not reached, nothing changed
	Uncertain   Kind = "uncertain"   // whether something was made is not known
	Internal    Kind = "internal"    // a defect
	NoOffer     Kind = "no_offer"    // nobody can provide it
	Interrupted Kind = "interrupted" // the user or a signal ended it
)

// Source says whose fault an error is.
type Source string

// The sources.
const (
	SourceMeson    Source = ""
	SourcePlugin   Source = "plugin"
	SourceProvider Source = "provider"
)

// Scope says what was exhausted.
type Scope string

// The scopes.
const (
	ScopeCapacity Scope = "capacity"
	ScopeQuota    Scope = "quota"
	ScopeFunds    Scope = "funds"
)

// Fault is one thing that is wrong in what somebody sent.
type Fault struct {
	// Path in the sender's own terms, such as "cpu.slots" or "pci[0].vendor".
	Path string `json:"path"`
	// Have is the value found, shortened; empty for secrets and absent values.
	Have string `json:"have,omitempty"`
	// Want is what would be right.
	Want string `json:"want,omitempty"`
	// Text is the whole fault as one clause.
	Text string `json:"text"`
	// Line and Column count from 1; 0 where there is no place.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// Error is the one error type of the broker: what was done, to what, how it
// failed and what helps.
type Error struct {
	Kind Kind `json:"kind"`
	// Op is what was being done, such as "create instance".
	Op string `json:"op,omitempty"`
	// Subject is what it was done to, such as "provider rack1".
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"`
	Source  Source `json:"source,omitempty"`
	// Code is the provider's own code.
	Code       string        `json:"code,omitempty"`
	Scope      Scope         `json:"scope,omitempty"`
	RetryAfter time.Duration `json:"retry_after_ns,omitempty"`
	Faults     []Fault       `json:"faults,omitempty"`
	// Err is the cause, if it is more than Text says.
	Err error `json:"-"`
}

// Error is "op: subject: text: cause", without empty parts.
func (e *Error) Error() string {
	var parts []string
	for _, p := range []string{e.Op, e.Subject, e.Text} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if len(parts) == 0 {
		parts = append(parts, string(e.Kind))
	}
	if e.Text == "" {
		for _, f := range e.Faults {
			parts = append(parts, f.String())
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// String is "path: text".
func (f Fault) String() string {
	if f.Path == "" {
		return f.Text
	}
	return f.Path + ": " + f.Text
}

// KindOf is the kind of the first Error in err's chain; Internal for another
// error, empty for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// AsError is err itself if it is an Error, since the outermost one names the
// operation, and else one about subject, of err's kind.
func AsError(err error, subject string) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Kind: KindOf(err), Subject: subject, Err: err}
}

// Errorf makes an Error of a kind with a formatted text.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}
