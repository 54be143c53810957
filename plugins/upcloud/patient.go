package upcloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxTries and retryBudget bound how often and how long one question is asked.
	maxTries    = 4
	retryBudget = 30 * time.Second
	// maxBodyBytes bounds an answer: the price list, the largest of them, has less
	// than a tenth of it.
	maxBodyBytes = 16 << 20
)

// patient is a RoundTripper that gives each attempt its time, reads every answer
// whole and bounded, and asks again where asking has no effect: a GET without an
// answer, or with one that says "not now". Anything else is sent once.
type patient struct {
	next    http.RoundTripper
	timeout time.Duration
	tries   uint
	budget  time.Duration
	log     *slog.Logger
}

// RoundTrip gives an answer whose body is in memory, or a *lostError.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return p.attempt(r)
	}
	ctx := r.Context()
	budget := p.budget
	if deadline, ok := ctx.Deadline(); ok {
		budget = max(min(budget, time.Until(deadline)), time.Nanosecond)
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 250*time.Millisecond, 5*time.Second
	// Of the last attempt, the answer or why there is none; not that the waiting
	// was ended.
	var resp *http.Response
	var err error
	_, _ = backoff.Retry(ctx, func() (struct{}, error) {
		resp, err = p.attempt(r)
		return struct{}{}, p.again(ctx, resp, err)
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(p.tries), backoff.WithMaxElapsedTime(budget),
		backoff.WithNotify(func(why error, after time.Duration) {
			p.log.Debug("asking again", "path", r.URL.Path, "after", after, "because", why)
		}))
	return resp, err
}

// again is why a question is to be asked again; nil or permanent: it is not.
func (p *patient) again(ctx context.Context, resp *http.Response, err error) error {
	if err != nil {
		if lost, ok := errors.AsType[*lostError](err); ctx.Err() != nil || ok && lost.tooLarge {
			return backoff.Permanent(err)
		}
		return err
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if after, said := retryAfter(resp.Header, time.Now()); said {
			return &backoff.RetryAfterError{Duration: after}
		}
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
	default:
		return nil
	}
	return fmt.Errorf("HTTP status %d", resp.StatusCode)
}

// attempt sends a request once.
func (p *patient) attempt(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), p.timeout)
	defer cancel()
	// Without a connection nothing has left this machine. The hook may be called
	// on another goroutine, but not after RoundTrip has a connection and returns.
	connected := make(chan struct{}, 1)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		select {
		case connected <- struct{}{}:
		default:
		}
	}})
	resp, err := p.next.RoundTrip(r.Clone(ctx))
	sent := len(connected) > 0
	if err != nil {
		return nil, &lostError{err: err, sent: sent}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBodyBytes+1))
	if err != nil {
		return nil, &lostError{err: fmt.Errorf("read answer: %w", err), sent: true}
	}
	if len(body) > maxBodyBytes {
		return nil, &lostError{err: fmt.Errorf("an answer of more than %d bytes", maxBodyBytes), sent: true, tooLarge: true}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// lostError is a request without an answer.
type lostError struct {
	err error
	// sent is whether any of it can have left this machine.
	sent     bool
	tooLarge bool
}

func (e *lostError) Error() string { return e.err.Error() }

func (e *lostError) Unwrap() error { return e.err }
