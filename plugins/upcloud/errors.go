package upcloud

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/mesoncloud/meson/sdk"
)

// failed gives the error of a call to the API its kind. changes says whether the
// call was to change something: then an answer that did not come, could not be
// read or speaks of a fault of the service leaves the outcome unknown. Nil is
// nil.
func failed(op, subject string, err error, changes bool) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e
	}
	e := &sdk.Error{Kind: sdk.Unavailable, Op: op, Subject: subject, Source: sdk.SourceProvider}
	if answer, ok := errors.AsType[*apiError](err); ok {
		e.Text, e.Code = answer.Error(), answer.code
		answer.read(e)
	} else {
		lost(e, err)
	}
	if changes && e.Kind == sdk.Unavailable && !neverSent(err) {
		e.Kind = sdk.Uncertain
	}
	return e
}

// read sets kind, scope, hint and retry-after by code, else by status.
func (a *apiError) read(e *sdk.Error) {
	m, known := meaningOf(a.code)
	if !known {
		m = meaningOfStatus(a)
	}
	e.Kind, e.Scope = m.kind, m.scope
	switch {
	case m.kind == sdk.Throttled:
		e.RetryAfter = a.retryAfter
	case m.kind == sdk.Denied && a.status == http.StatusUnauthorized:
		e.Hint = "the token or password is wrong, expired, or not allowed from this address"
	case m.scope == sdk.ScopeFunds:
		e.Hint = "top up the account, or end its trial, at hub.upcloud.com"
	case m.scope == sdk.ScopeQuota:
		e.Hint = "ask UpCloud to raise this limit of the account"
	}
}

// meaningOfStatus is for answers whose code is unknown or absent.
func meaningOfStatus(a *apiError) meaning {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return meaning{kind: sdk.Denied}
	case http.StatusPaymentRequired:
		return meaning{sdk.Exhausted, sdk.ScopeFunds}
	case http.StatusNotFound, http.StatusGone:
		// Only the API itself can say that something of its own is not there.
		if a.said {
			return meaning{kind: sdk.NotFound}
		}
	case http.StatusMethodNotAllowed:
		return meaning{kind: sdk.Unsupported}
	case http.StatusConflict, http.StatusLocked:
		return meaning{kind: sdk.Busy}
	case http.StatusTooManyRequests:
		return meaning{kind: sdk.Throttled}
	case http.StatusRequestTimeout, http.StatusTooEarly:
	default:
		if a.status >= 400 && a.status < 500 {
			return meaning{kind: sdk.Invalid}
		}
	}
	return meaning{kind: sdk.Unavailable}
}

// lost fills in the error of a call that has no answer, or one that cannot be
// read.
func lost(e *sdk.Error, err error) {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // method and address say less than op and subject
	}
	switch call, noAnswer := errors.AsType[*lostError](err); {
	case errors.Is(err, context.DeadlineExceeded):
		e.Text, e.Err = "no answer in time", context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		e.Text, e.Err, e.Source = "the call was ended before its answer", context.Canceled, sdk.SourcePlugin
	case noAnswer:
		e.Text = "no answer: " + sdk.CleanText(call.Error(), maxMessageBytes)
	default:
		e.Text = "an answer that cannot be read: " + sdk.CleanText(err.Error(), maxMessageBytes)
	}
}

// neverSent reports whether a call failed before any of it left this machine.
func neverSent(err error) bool {
	call, ok := errors.AsType[*lostError](err)
	return ok && !call.sent
}
