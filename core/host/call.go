package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
)

// call is one call of the contract: what it is about, how long it may take, and
// what its end means.
type call struct {
	plugin  *Plugin
	session *session
	op      string
	subject string
	// effect: it may change something, so an end without an answer is Uncertain.
	effect bool
	// timeout is for a context without a deadline; 0 leaves it without, as is
	// right for streams that last.
	timeout time.Duration
}

// do makes the call and turns its error into one of package core. An error of
// that type which fn returns stands as it is.
func (c call) do(ctx context.Context, fn func(ctx context.Context) error) error {
	if _, has := ctx.Deadline(); !has && c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	err := fn(ctx)
	if err == nil {
		return nil
	}
	return c.failure(ctx, err)
}

func (c call) failure(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return c.invalidAnswer(e)
	}
	if answered(err) {
		return c.said(err)
	}
	// No answer: alive or not is found out now, so that the next call does not
	// meet a plugin that is dead or hangs.
	switch {
	case status.Code(err) == codes.Unavailable:
		c.session.check(c.plugin.host.opts)
	case ctx.Err() != context.Canceled:
		go c.session.check(c.plugin.host.opts)
	}
	e := &core.Error{Kind: core.Unavailable, Op: c.op, Subject: c.subject, Source: core.SourcePlugin}
	switch {
	case c.effect:
		e.Kind = core.Uncertain
		e.Hint = "what is at the provider is looked up before anything else is done"
	case ctx.Err() == context.Canceled:
		e.Kind, e.Source = core.Interrupted, core.SourceMeson
	}
	switch s := status.Convert(err); {
	case ctx.Err() == context.Canceled:
		e.Text = "interrupted before there was an answer"
	case s.Code() == codes.DeadlineExceeded, errors.Is(err, context.DeadlineExceeded):
		e.Text = fmt.Sprintf("plugin %s did not answer before the deadline", c.plugin.name)
	case c.session.isLost() || s.Code() == codes.Unavailable:
		e.Text = fmt.Sprintf("plugin %s ended before it had answered", c.plugin.name)
	case s.Code() == codes.ResourceExhausted:
		e.Text = fmt.Sprintf("plugin %s sent an answer that is too large, or refused the request as too large: %s", c.plugin.name, cut(s.Message(), 200))
		if !c.effect {
			e.Kind = core.Internal
		}
	default:
		// Of the codes that are left most mean that the answer could not be read.
		e.Text = fmt.Sprintf("plugin %s: %s", c.plugin.name, cut(s.Message(), maxText))
		if !c.effect {
			e.Kind = core.Internal
		}
	}
	return e
}

// answered reports whether it was the plugin that ended the call, with an error
// of the contract or with one of the codes that nothing else uses.
func answered(err error) bool {
	s := status.Convert(err)
	if len(s.Proto().GetDetails()) > 0 {
		return true
	}
	switch s.Code() {
	case codes.InvalidArgument, codes.OutOfRange, codes.FailedPrecondition, codes.PermissionDenied, codes.Unauthenticated,
		codes.NotFound, codes.AlreadyExists, codes.Aborted, codes.Unimplemented:
		return true
	}
	return false
}

// said is the plugin's own error.
func (c call) said(err error) error {
	e := fromSDK(sdk.FromStatus(err))
	if e.Op == "" {
		e.Op = c.op
	}
	if e.Subject == "" {
		e.Subject = c.subject
	} else {
		e.Subject = c.subject + ", " + e.Subject
	}
	return e
}

// invalidAnswer names the call in an error that was found in its answer. If the
// call may have had an effect, an answer that cannot be used is none.
func (c call) invalidAnswer(e *core.Error) error {
	named := *e
	if named.Op == "" {
		named.Op = c.op
	}
	if named.Subject == "" {
		named.Subject = c.subject
	}
	if c.effect && named.Kind == core.Internal {
		named.Kind = core.Uncertain
	}
	return &named
}

// fromSDK is the one place where an error of the contract becomes one of the
// broker. Texts have been cleaned.
func fromSDK(err error) *core.Error {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		return &core.Error{Kind: core.Internal, Source: core.SourcePlugin, Text: cut(fmt.Sprint(err), maxText)}
	}
	out := &core.Error{
		Kind: core.Kind(e.Kind), Op: e.Op, Subject: e.Subject, Text: e.Text, Hint: e.Hint,
		Source: core.Source(e.Source), Code: e.Code, Scope: core.Scope(e.Scope), RetryAfter: e.RetryAfter,
	}
	if out.Source == core.SourceMeson {
		// What comes out of a plugin is never the broker's own fault.
		out.Source = core.SourcePlugin
	}
	for _, f := range e.Faults {
		out.Faults = append(out.Faults, core.Fault{Path: f.Path, Have: f.Have, Want: f.Want, Text: f.Text})
	}
	return out
}

// textOf is a gRPC error as a text for people.
func textOf(err error) error {
	return errors.New(cut(status.Convert(err).Message(), maxText))
}
