package upcloud

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// Credentials do not follow a redirect, and its target is never asked.
func TestRedirectIsNotFollowed(t *testing.T) {
	f := newFake(t)
	f.on("/plan", redirect)
	_ = get(provider(t, f.URL, nil, Hooks{}), t.Context())
	for _, r := range f.asked() {
		if strings.Contains(r, "stolen") {
			t.Error(r)
		}
	}
}

// Whatever happens, no credential is in an error or in the log.
func TestNothingTellsCredentials(t *testing.T) {
	const user, password = "john.doe", "s3cret-pass"
	var log bytes.Buffer
	f := newFake(t)
	f.on("/account", reply(200, "application/json", `{"account": `))
	f.on("/price", reset)
	config, err := sdk.DecodeConfig[Config]([]byte(settings(t, f.URL, nil)), map[string][]byte{"username": []byte(user), "password": []byte(password)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := open("up", config, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: sdk.LevelTrace})), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%v %+v %#v %v", config, config, config, get(p, t.Context()))
	items, err := p.Check(t.Context())
	said += fmt.Sprint(items, err)
	_, err = p.PriceList(t.Context())
	said += fmt.Sprint(err) + log.String()
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, secret := range []string{password, "c3JlZC1wYXNz", "am9obi5kb2U6"} {
		if strings.Contains(said, secret) {
			t.Errorf("%q is in %s", secret, said)
		}
	}
}

// The user agent says who asks, and the API's version is in the path.
func TestHeaders(t *testing.T) {
	f := newFake(t)
	f.on("/plan", func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("User-Agent"); !strings.HasPrefix(a, "meson-plugin-upcloud/"+Version) {
			t.Errorf("user agent %q", a)
		}
		if a := r.Header.Get("Authorization"); a != "Bearer "+testToken {
			t.Error("not authorised")
		}
		reply(200, "application/json", `{}`)(w, r)
	})
	p := provider(t, f.URL, nil, Hooks{})
	if err := get(p, t.Context()); err != nil {
		t.Error(err)
	}
	// A request that goes elsewhere gets nothing.
	elsewhere := newFake(t)
	elsewhere.on("/upload", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials went elsewhere")
		}
		reply(200, "application/json", `{}`)(w, r)
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, elsewhere.URL+"/1.3/upload", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.wire.Do(r); err != nil {
		t.Error(err)
	}
}
