package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing/fx"
)

// daily is a file as the ECB publishes them, with rates that are made up.
func daily(day time.Time, usd string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<Cube><Cube time='%s'><Cube currency='USD' rate='%s'/><Cube currency='JPY' rate='160.5'/></Cube></Cube></gesmes:Envelope>`, day.Format(time.DateOnly), usd)
}

func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// server answers with what it is told, over TLS, and counts.
func (w *world) server(answer http.HandlerFunc) (url string, asked *atomic.Int32) {
	w.t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(rw, r)
	}))
	w.t.Cleanup(s.Close)
	w.HTTP = s.Client()
	return s.URL, asked
}

func TestFetchRates(t *testing.T) {
	w := newWorld(t)
	ill := int32(2)
	url, asked := w.server(func(rw http.ResponseWriter, _ *http.Request) {
		if atomic.AddInt32(&ill, -1) >= 0 {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(rw, daily(today(), "1.25"))
	})
	info, err := w.FetchRates(t.Context(), url+"/daily.xml")
	if err != nil || info.Rates["USD"] != "1.25" || info.Pinned || info.Stale || !info.AsOf.Equal(today()) || !strings.Contains(info.Source, url) || asked.Load() != 3 {
		t.Fatalf("%+v, %v, asked %d times", info, err, asked.Load())
	}
	if in, err := w.Rates(t.Context()); err != nil || in.Source != info.Source || in.Rates["JPY"] != "160.5" || in.Pinned {
		t.Errorf("in use: %+v, %v", in, err)
	}
	// The same again is no change.
	if _, err := w.FetchRates(t.Context(), url+"/daily.xml"); err != nil {
		t.Error(err)
	}
}

func TestFetchRatesFromAFile(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "rates.xml")
	if err := os.WriteFile(path, []byte(daily(today(), "1.5")), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := w.FetchRates(t.Context(), "file://"+path); err != nil || info.Rates["USD"] != "1.5" {
		t.Errorf("%+v, %v", info, err)
	}
	_, err := w.FetchRates(t.Context(), "file://"+path+"x")
	refused(t, err, core.Unavailable, "no such file")
}

// Whatever goes wrong, the rates in use stay.
func TestFetchRatesRefuses(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, daily(today(), "9")) }))
	defer plain.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		url    func(string) string
		kind   core.Kind
		want   string
		asked  int32
	}{
		"not there":        {func(rw http.ResponseWriter, r *http.Request) { http.NotFound(rw, r) }, nil, core.Unavailable, "404", 1},
		"ill":              {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }, nil, core.Unavailable, "500", 3},
		"a web page":       {func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html></html>") }, nil, core.Invalid, "Envelope", 1},
		"tomorrow's":       {func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, daily(today().AddDate(0, 0, 1), "1")) }, nil, core.Invalid, "yet to come", 1},
		"yesterday's":      {func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, daily(today().AddDate(0, 0, -1), "1")) }, nil, core.Conflict, "those in use of", 1},
		"endless":          {func(rw http.ResponseWriter, _ *http.Request) { flood(rw) }, nil, core.Invalid, fmt.Sprint(fx.MaxBytes), 1},
		"sent on to http":  {func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, plain.URL, http.StatusFound) }, nil, core.Unavailable, "want https", 1},
		"http":             {nil, func(string) string { return plain.URL }, core.Invalid, "want https", 0},
		"a password":       {nil, func(u string) string { return strings.Replace(u, "https://", "https://ada:hunter2@", 1) }, core.Invalid, "a user", 0},
		"a path":           {nil, func(string) string { return "/etc/passwd" }, core.Invalid, "want https", 0},
		"a host of a file": {nil, func(string) string { return "file://host/etc/passwd" }, core.Invalid, "want https", 0},
		"no address":       {nil, func(string) string { return "https://%zz" }, core.Invalid, "cannot be read", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if _, err := w.PutRates(t.Context(), []byte(daily(today(), "1.25")), "a test"); err != nil {
				t.Fatal(err)
			}
			url, asked := w.server(c.answer)
			if c.url != nil {
				url = c.url(url)
			}
			_, err := w.FetchRates(t.Context(), url)
			if e, ok := err.(*core.Error); ok && len(e.Faults) > 0 {
				err = &core.Error{Kind: e.Kind, Text: e.Faults[0].Text}
			}
			refused(t, err, c.kind, c.want)
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Errorf("a password is told: %v", err)
			}
			if asked.Load() != c.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), c.asked)
			}
			if in, err := w.Rates(t.Context()); err != nil || in.Rates["USD"] != "1.25" || in.Source != "a test" {
				t.Errorf("in use: %+v, %v", in, err)
			}
		})
	}
}

func flood(rw http.ResponseWriter) {
	for {
		if _, err := rw.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}

func TestFetchRatesIsInterrupted(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	url, _ := w.server(func(rw http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := w.FetchRates(ctx, url)
	refused(t, err, core.Interrupted, "")
}
