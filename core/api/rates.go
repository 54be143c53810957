package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/fx"
)

// How long rates are fetched for.
const (
	fetchTimeout = 10 * time.Second
	fetchTries   = 3
	fetchPause   = 500 * time.Millisecond
)

// Rates implements [Prices].
func (m *Meson) Rates(ctx context.Context) (RatesInfo, error) {
	r, pinned, err := m.rates(ctx)
	if err != nil {
		return RatesInfo{}, err
	}
	return m.ratesInfo(r, pinned)
}

func (m *Meson) ratesInfo(r *pricing.Rates, pinned bool) (RatesInfo, error) {
	info := RatesInfo{Base: r.Base(), AsOf: r.AsOf(), Source: r.Source(), Rates: map[string]string{}, Pinned: pinned, AgeDays: age(r.AsOf(), m.Now())}
	info.Stale = info.AgeDays > StaleRatesDays
	for _, code := range r.Currencies() {
		if code == r.Base() {
			continue
		}
		rate, err := r.Rate(code)
		if err != nil {
			return RatesInfo{}, err
		}
		info.Rates[code] = rate
	}
	return info, nil
}

// PutRates implements [Prices].
func (m *Meson) PutRates(ctx context.Context, data []byte, source string) (RatesInfo, error) {
	source = cmp.Or(source, "ECB euro reference rates")
	const op = "put exchange rates"
	fresh, err := fx.ParseECB(data, source, m.Now())
	if err != nil {
		return RatesInfo{}, &core.Error{Kind: core.Invalid, Op: op, Subject: source, Faults: faultsOf(err), Hint: "want the daily file of " + fx.ECB}
	}
	was, pinned, err := m.rates(ctx)
	if err != nil {
		return RatesInfo{}, err
	}
	if !pinned && was.AsOf().After(fresh.AsOf()) {
		return RatesInfo{}, &core.Error{
			Kind: core.Conflict, Op: op, Subject: source,
			Text: fmt.Sprintf("they are of %s, and those in use of %s", fresh.AsOf().Format(time.DateOnly), was.AsOf().Format(time.DateOnly)),
		}
	}
	if err := m.Ledger.PutRates(ctx, fresh); err != nil {
		return RatesInfo{}, err
	}
	return m.ratesInfo(fresh, false)
}

// FetchRates implements [Prices].
func (m *Meson) FetchRates(ctx context.Context, address string) (RatesInfo, error) {
	address = cmp.Or(address, fx.ECB)
	bad := func(text string) error {
		return &core.Error{Kind: core.Invalid, Op: "fetch exchange rates", Text: text, Hint: "such as " + fx.ECB + " or file:///var/lib/rates.xml"}
	}
	u, err := url.Parse(address)
	if err != nil {
		return RatesInfo{}, bad("the address cannot be read: want https://… or file:///…")
	}
	var data []byte
	switch {
	case u.User != nil || u.Fragment != "":
		return RatesInfo{}, bad("an address with a user or a fragment: want none")
	case u.Scheme == "https" && u.Host != "":
		data, err = m.fetch(ctx, u)
	case u.Scheme == "file" && u.Host == "" && u.Path != "":
		data, err = readRates(u.Path)
	default:
		return RatesInfo{}, bad(fmt.Sprintf("%.200s: want https://… or file:///…", u))
	}
	if err != nil {
		kind := core.Unavailable
		if errors.Is(context.Cause(ctx), context.Canceled) {
			kind = core.Interrupted
		}
		return RatesInfo{}, &core.Error{Kind: kind, Op: "fetch exchange rates", Subject: u.String(), Err: err, Hint: "the rates in use stay; meson prices rates import FILE reads others from a file"}
	}
	return m.PutRates(ctx, data, "ECB euro reference rates, "+u.String())
}

// fetch reads a file of rates over https, a few times if that may help.
func (m *Meson) fetch(ctx context.Context, u *url.URL) ([]byte, error) {
	client := *m.HTTP
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Scheme != "https" || len(via) > 3 {
			return backoff.Permanent(fmt.Errorf("sent on to %s: want https, at most three times", req.URL.Redacted()))
		}
		return nil
	}
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = fetchPause
	return backoff.Retry(ctx, func() ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, backoff.Permanent(err)
		}
		answer, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		defer func() { _ = answer.Body.Close() }() // read to the end, or given up
		if answer.StatusCode != http.StatusOK {
			err := errors.New(answer.Status)
			if answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests {
				err = backoff.Permanent(err)
			}
			return nil, err
		}
		return bounded(answer.Body)
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(fetchTries))
}

func readRates(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return bounded(f)
}

// bounded reads one byte more than there may be: the parser then refuses it.
func bounded(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, fx.MaxBytes+1)) }
