package upcloud

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
)

func get(p *Provider, ctx context.Context) error {
	_, err := p.wire.Get(ctx, "/plan")
	return failed("read plans", "", err, false)
}

func post(p *Provider, ctx context.Context) error {
	_, err := p.api.CreateServer(ctx, &request.CreateServerRequest{Zone: "fi-hel1"})
	return failed("make server", "", err, true)
}

// What is asked is asked again, a bounded number of times; what changes something
// is sent once.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name     string
		answers  []http.HandlerFunc // the last one for ever
		get      sdk.Kind
		getTries int32
		post     sdk.Kind
	}{
		{"fine", []http.HandlerFunc{reply(200, "application/json", `{}`)}, "", 1, ""},
		{"once 503", []http.HandlerFunc{reply(503, "text/html", "<html>"), reply(200, "application/json", `{}`)}, "", 2, sdk.Uncertain},
		{"always 503", []http.HandlerFunc{legacy(503, "SERVICE_ERROR", "down")}, sdk.Unavailable, 4, sdk.Uncertain},
		{"always 500", []http.HandlerFunc{problem(500, "SERVICE_ERROR", "down")}, sdk.Unavailable, 4, sdk.Uncertain},
		{"always 502", []http.HandlerFunc{reply(502, "text/html", "<html>bad gateway</html>")}, sdk.Unavailable, 4, sdk.Uncertain},
		{"once 429", []http.HandlerFunc{legacy(429, "", "slowly"), reply(200, "application/json", `{}`)}, "", 2, sdk.Throttled},
		{"capacity as 503", []http.HandlerFunc{legacy(503, "SERVER_RESOURCES_UNAVAILABLE", "full")}, sdk.Exhausted, 4, sdk.Exhausted},
		{"refused", []http.HandlerFunc{legacy(403, "ACTION_FORBIDDEN", "no")}, sdk.Denied, 1, sdk.Denied},
		{"not JSON", []http.HandlerFunc{reply(200, "application/json", `{"server": `)}, "", 1, sdk.Uncertain},
		{"cut off once", []http.HandlerFunc{cutOff, reply(200, "application/json", `{}`)}, "", 2, sdk.Uncertain},
		{"always reset", []http.HandlerFunc{reset}, sdk.Unavailable, 4, sdk.Uncertain},
		{"elsewhere", []http.HandlerFunc{redirect}, sdk.Unavailable, 1, sdk.Uncertain},
		{"another's 404", []http.HandlerFunc{reply(404, "text/html", "<html>")}, sdk.Unavailable, 1, sdk.Uncertain},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			var n atomic.Int32
			answer := func(w http.ResponseWriter, r *http.Request) {
				i := min(int(n.Add(1)), len(c.answers)) - 1
				c.answers[i](w, r)
			}
			f.on("/plan", answer)
			f.on("/server", answer)
			p := provider(t, f.URL, nil, Hooks{})
			if err := get(p, t.Context()); sdk.KindOf(err) != c.get {
				t.Errorf("GET: %v of kind %q, want %q", err, sdk.KindOf(err), c.get)
			}
			if n.Load() != c.getTries {
				t.Errorf("GET was sent %d times, want %d", n.Load(), c.getTries)
			}
			n.Store(0)
			if err := post(p, t.Context()); sdk.KindOf(err) != c.post {
				t.Errorf("POST: %v of kind %q, want %q", err, sdk.KindOf(err), c.post)
			}
			if n.Load() != 1 {
				t.Errorf("POST was sent %d times", n.Load())
			}
		})
	}
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte(`{"plans"`))
}

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://"+r.Host+"/1.3/stolen", http.StatusTemporaryRedirect)
}

// A POST that never left this machine has changed nothing.
func TestNeverSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	p := provider(t, "http://"+l.Addr().String(), nil, Hooks{})
	if err := post(p, t.Context()); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("%v of kind %q, want Unavailable", err, sdk.KindOf(err))
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		header string
		want   time.Duration
		said   bool
	}{
		{"", 0, false},
		{"3", 3 * time.Second, true},
		{" 3 ", 3 * time.Second, true},
		{"-3", 0, false},
		{"soon", 0, false},
		{"Sat, 21 Nov 2026 10:00:07 GMT", 7 * time.Second, true},
		{"Sat, 21 Nov 2026 09:00:00 GMT", 0, true},
		{"4294967295", time.Hour, true},
		{"99999999999999999999", 0, false},
	} {
		if got, said := retryAfter(http.Header{"Retry-After": {c.header}}, now); got != c.want || said != c.said {
			t.Errorf("%q: %v, %v, want %v, %v", c.header, got, said, c.want, c.said)
		}
	}
}

// What the API says of when to ask again is kept to, and passed on where it is
// too long to wait.
func TestRetryAfterIsHonoured(t *testing.T) {
	f := newFake(t)
	var first time.Time
	f.on("/plan", func(w http.ResponseWriter, r *http.Request) {
		if first.IsZero() {
			first = time.Now()
			w.Header().Set("Retry-After", "1")
			legacy(429, "", "slowly")(w, r)
			return
		}
		if since := time.Since(first); since < time.Second {
			t.Errorf("asked again after %v", since)
		}
		reply(200, "application/json", `{}`)(w, r)
	})
	p := provider(t, f.URL, nil, Hooks{})
	if err := get(p, t.Context()); err != nil {
		t.Error(err)
	}
	f.asked()
	f.on("/plan", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "120")
		legacy(429, "", "slowly")(w, r)
	})
	begun := time.Now()
	err := get(p, t.Context())
	if e, ok := err.(*sdk.Error); !ok || e.Kind != sdk.Throttled || e.RetryAfter != 2*time.Minute {
		t.Errorf("%#v, want Throttled for two minutes", err)
	}
	if n := len(f.asked()); n != 1 || time.Since(begun) > 5*time.Second {
		t.Errorf("asked %d times in %v", n, time.Since(begun))
	}
}

// Neither an attempt nor all of them take longer than they may, and a caller who
// leaves is gone at once.
func TestEveryRequestHasAnEnd(t *testing.T) {
	f := newFake(t)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	f.on("/plan", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	})
	f.on("/server", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	})
	p := provider(t, f.URL, map[string]any{"timeout": "1s"}, Hooks{})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := get(p, ctx); sdk.KindOf(err) != sdk.Unavailable || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	begun = time.Now()
	if err := post(p, t.Context()); sdk.KindOf(err) != sdk.Uncertain || time.Since(begun) > 3*time.Second {
		t.Errorf("%v after %v, want Uncertain after about a second", err, time.Since(begun))
	}
}

func TestBodyIsBounded(t *testing.T) {
	f := newFake(t)
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	f.on("/plan", func(w http.ResponseWriter, _ *http.Request) {
		for range 32 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	p := provider(t, f.URL, nil, Hooks{})
	if err := get(p, t.Context()); sdk.KindOf(err) != sdk.Unavailable || !strings.Contains(err.Error(), "more than") {
		t.Errorf("%v", err)
	}
	if n := len(f.asked()); n != 1 {
		t.Errorf("asked %d times for what is too large", n)
	}
}
