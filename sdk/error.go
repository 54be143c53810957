package sdk

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is how a call of the contract fails: what was done, to what, how it
// failed and what helps. It crosses the process boundary whole, except for Err,
// whose text is appended to Text.
type Error struct {
	Kind Kind
	// Op is what was being done, such as "define domain".
	Op string
	// Subject is what it was done to, such as "host kvm2".
	Subject string
	Text    string
	// Hint is what a person can do about it.
	Hint   string
	Source Source
	// Code is the provider's own code, as it gave it.
	Code string
	// Scope is set where Kind is Exhausted.
	Scope Scope
	// RetryAfter is after how long the same request may pass; in milliseconds
	// over the wire.
	RetryAfter time.Duration
	// Faults lists everything that is wrong in a request that is Invalid.
	Faults []Fault
	// Err is the cause, if it is more than Text says.
	Err error
}

// Fault is one thing that is wrong in what somebody sent.
type Fault struct {
	// Path in the sender's own terms, such as "groups[0].hosts[1].uri".
	Path string
	// Have is the value found, shortened; empty for secrets and absent values.
	Have string
	// Want is what would be right.
	Want string
	// Text is the whole fault as one clause.
	Text string
}

// Error is "op: subject: text: cause", without empty parts; the faults stand
// for a text that is missing.
func (e *Error) Error() string {
	var parts []string
	for _, p := range []string{e.Op, e.Subject, e.Text} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Text == "" && len(e.Faults) > 0 {
		faults := make([]string, len(e.Faults))
		for i, f := range e.Faults {
			faults[i] = f.String()
		}
		parts = append(parts, strings.Join(faults, "; "))
	}
	if cause := e.cause(); cause != "" {
		parts = append(parts, cause)
	}
	if len(parts) == 0 {
		parts = append(parts, string(e.Kind))
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause is the text of Err, unless Text has it already.
func (e *Error) cause() string {
	if _, said := e.Err.(quiet); e.Err == nil || said {
		return ""
	}
	return e.Err.Error()
}

// String is "path: text"; without a text it is made of have and want.
func (f Fault) String() string {
	text := f.Text
	switch {
	case text != "":
	case f.Have != "" && f.Want != "":
		text = fmt.Sprintf("have %s, want %s", f.Have, f.Want)
	case f.Want != "":
		text = "want " + f.Want
	default:
		text = "wrong"
	}
	if f.Path == "" {
		return text
	}
	return f.Path + ": " + text
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

// Errorf makes an Error of a kind with a formatted text. A %w in the format
// keeps its operand in the chain.
func Errorf(kind Kind, format string, args ...any) *Error {
	formatted := fmt.Errorf(format, args...)
	e := &Error{Kind: kind, Text: formatted.Error()}
	if cause := errors.Unwrap(formatted); cause != nil {
		e.Err = quiet{cause}
	}
	return e
}

// quiet keeps a cause in the chain whose text is already in the Error's.
type quiet struct{ error }

func (q quiet) Unwrap() error { return q.error }

// InvalidFaults is the Invalid error of a request with faults, nil without any.
func InvalidFaults(op string, faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Op: op, Faults: faults}
}
