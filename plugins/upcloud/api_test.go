package upcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const testToken = "ucat_0123456789"

// fakeAPI answers GETs from testdata/api, whatever else a test makes of it. It
// has no state: lab/emulator/upcloud has.
type fakeAPI struct {
	*httptest.Server
	mu       sync.Mutex
	handlers map[string]http.HandlerFunc
	requests []string
}

func newFake(t testing.TB) *fakeAPI {
	t.Helper()
	f := &fakeAPI{handlers: map[string]http.HandlerFunc{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// on gives a path another answer.
func (f *fakeAPI) on(path string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handlers[path] = h
}

// asked are the requests since the last look.
func (f *fakeAPI) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.requests
	f.requests = nil
	return r
}

func (f *fakeAPI) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/1.3")
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+path)
	h := f.handlers[path]
	f.mu.Unlock()
	if h != nil {
		h(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+testToken {
		legacy(http.StatusUnauthorized, "AUTHENTICATION_FAILED", "Authentication failed using the given username and password.")(w, r)
		return
	}
	body, err := os.ReadFile(filepath.Join("testdata", "api", strings.ReplaceAll(strings.Trim(path, "/"), "/", "_")+".json"))
	if err != nil || r.Method != http.MethodGet {
		legacy(http.StatusNotFound, "NOT_FOUND", "no such thing")(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = w.Write(body)
}

// legacy is an error in the old shape, problem in the new one.
func legacy(status int, code, message string) http.HandlerFunc {
	return reply(status, "application/json; charset=UTF-8", fmt.Sprintf(`{"error": {"error_code": %q, "error_message": %q}}`, code, message))
}

func problem(status int, code, title string) http.HandlerFunc {
	return reply(status, "application/problem+json; charset=utf-8", fmt.Sprintf(
		`{"type": "https://developers.upcloud.com/1.3/errors#ERROR_%s", "title": %q, "correlation_id": "01FD", "status": %d, "invalid_params": [{"name": "plan", "reason": "is odd"}]}`,
		code, title, status))
}

func reply(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// settings are those of a provider at an address.
func settings(t testing.TB, url string, more map[string]any) string {
	t.Helper()
	all := map[string]any{"api_url": url}
	for k, v := range more {
		all[k] = v
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func provider(t testing.TB, url string, more map[string]any, hooks Hooks) *Provider {
	t.Helper()
	config, err := sdk.DecodeConfig[Config]([]byte(settings(t, url, more)), map[string][]byte{"token": []byte(testToken + "\n")})
	if err != nil {
		t.Fatal(err)
	}
	p, err := open("up", config, slog.New(slog.DiscardHandler), hooks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

func ask1(t testing.TB, p *Provider, req *pb.OfferRequest) *pb.OfferResponse {
	t.Helper()
	out := &pb.OfferResponse{}
	err := p.Offer(t.Context(), req, func(r *pb.OfferResponse) error {
		out.Offers, out.Reasons = append(out.Offers, r.GetOffers()...), append(out.Reasons, r.GetReasons()...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ids1(offers []*pb.Offer) string {
	ids := make([]string, len(offers))
	for i, o := range offers {
		ids[i] = o.GetId()
	}
	return strings.Join(ids, "\n")
}
