package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
)

// report prints an error for people: one line of what failed, a line for each
// fault, then a hint. Joined errors are printed one after the other.
func report(w io.Writer, s style, err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			report(w, s, e)
		}
		return
	}
	fmt.Fprintf(w, "%s %s\n", s.red("meson:"), render.Visible(headline(err)))
	for _, f := range faults(err) {
		fmt.Fprintf(w, "  %s\n", faultLine(f))
	}
	for _, h := range hints(err) {
		fmt.Fprintf(w, "%s %s\n", s.dim("hint:"), render.Visible(h))
	}
}

// headline is the error without its faults.
func headline(err error) string {
	if u, ok := err.(*undoneError); ok {
		return headline(u.err)
	}
	e, ok := err.(*core.Error)
	if !ok {
		return err.Error()
	}
	var parts []string
	for _, p := range []string{e.Op, e.Subject, e.Text} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Err != nil && (e.Text == "" || e.Err != context.DeadlineExceeded) {
		parts = append(parts, headline(e.Err))
	}
	if e.Text == "" && e.Err == nil {
		switch len(e.Faults) {
		case 0:
			parts = append(parts, strings.ReplaceAll(string(e.Kind), "_", " "))
		default:
			parts = append(parts, render.Count(len(e.Faults), "fault"))
		}
	}
	line := strings.Join(parts, ": ")
	if e.Code != "" && !strings.Contains(line, e.Code) {
		line += " (" + e.Code + ")"
	}
	return line
}

// faultLine is "line 3: path: text".
func faultLine(f core.Fault) string {
	line := render.Visible(f.String())
	if f.Line > 0 {
		line = fmt.Sprintf("line %d: %s", f.Line, line)
	}
	return line
}

func faults(err error) []core.Fault {
	for ; err != nil; err = errors.Unwrap(err) {
		if e, ok := err.(*core.Error); ok && len(e.Faults) > 0 {
			return e.Faults
		}
	}
	return nil
}

func hints(err error) []string {
	for ; err != nil; err = errors.Unwrap(err) {
		e, ok := err.(*core.Error)
		switch {
		case !ok:
		case e.Hint != "":
			return strings.Split(e.Hint, "\n")
		case e.RetryAfter > 0:
			return []string{fmt.Sprintf("try again in %s", e.RetryAfter.Round(time.Second))}
		}
	}
	return nil
}

// withHint is a copy of the core.Error that err is, with a hint where it has
// none; any other error becomes one of kind Internal.
func withHint(err error, hint string) error {
	if u, ok := err.(*undoneError); ok {
		return &undoneError{withHint(u.err, hint)}
	}
	if len(hints(err)) > 0 {
		return err
	}
	if e, ok := err.(*core.Error); ok {
		c := *e
		c.Hint = hint
		return &c
	}
	return &core.Error{Kind: core.KindOf(err), Hint: hint, Err: err}
}
