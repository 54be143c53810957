package upcloud_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// player sends the recorded requests of one cassette to an emulator of its own.
type player struct {
	*testing.T
	cloud *upcloud.Server
	url   string
	names map[string]string // recorded name to emulated name
}

func newPlayer(t *testing.T) *player {
	t.Helper()
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "an image")
	}))
	t.Cleanup(source.Close)
	credentials := []upcloud.Credential{
		{Username: "emulator", Token: upcloud.DefaultToken},
		{Username: "sdk_test_subaccount", Password: "x"},
		{Username: "sdk_test_permissions_subaccount", Password: "x"},
	}
	zones := append(upcloud.Zones(), upcloud.Zone{ID: "fi-tst1", Description: "Test", PricePercent: 0})
	// Before any recording, so that what expires in one has not.
	clock := upcloud.NewClock(upcloud.ClockOptions{Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Manual: true})
	c := start(t, upcloud.Options{Clock: clock, Credentials: credentials, Zones: zones})
	if _, err := c.CreateStorage(t.Context(), &request.CreateStorageRequest{Size: 10, Title: "another", Zone: "fi-hel1", Tier: "hdd"}); err != nil {
		t.Fatal(err)
	}
	return &player{t, c.Server, c.url, map[string]string{
		"http://dl-cdn.alpinelinux.org/alpine/v3.12/releases/x86/alpine-standard-3.12.0-x86.iso": source.URL,
	}}
}

// play sends the request until the answer is the recorded one or nothing changes
// any more: the cassettes lack the requests that waited.
func (p *player) play(r recording, known map[string]bool) {
	p.Helper()
	want := values(p.T, r.got)
	var status int
	var contentType, body string
	for {
		status, contentType, body = p.send(r)
		if status == r.status && (r.method != http.MethodGet || stateOf(want) == stateOf(values(p.T, body))) {
			break
		}
		if !p.cloud.Next() && !p.importing(body) {
			break
		}
	}
	if status != r.status || contentType != r.contentType {
		p.Errorf("%s %d: %s %s: recorded %d %s, emulated %d %s: %s", r.cassette, r.number, r.method, r.url, r.status, r.contentType, status, contentType, body)
		return
	}
	got := values(p.T, body)
	s := structure{known: known}
	s.compare("", want, got)
	for _, fault := range s.said {
		p.Errorf("%s %d: %s %s: %s", r.cassette, r.number, r.method, r.url, fault)
	}
	if !strings.Contains(r.kind(), "?") && !strings.HasSuffix(r.url, "/private") {
		p.learn(want, got)
	}
}

// importing reports whether an import still reads, which virtual time does not hurry.
func (p *player) importing(body string) bool {
	return strings.Contains(body, `"state":"prepared"`) && strings.Contains(body, "http_import")
}

func (p *player) send(r recording) (int, string, string) {
	p.Helper()
	body := r.sent
	for from, to := range p.names {
		if strings.HasPrefix(from, "http") {
			body = strings.ReplaceAll(body, from, to)
		}
	}
	body = p.rename(body)
	if strings.HasPrefix(r.url, "/uploader") { // the cassettes lack what was uploaded
		body = "an image"
		if r.sentType == "application/gzip" {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = io.WriteString(z, body)
			_ = z.Close()
			body = packed.String()
		}
	}
	q, err := http.NewRequestWithContext(p.Context(), r.method, p.url+p.rename(r.url), bytes.NewReader([]byte(body)))
	if err != nil {
		p.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+upcloud.DefaultToken)
	q.Header.Set("Content-Type", r.sentType)
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), string(text)
}

func (p *player) rename(text string) string {
	return nameText.ReplaceAllStringFunc(text, func(name string) string {
		if to, found := p.names[name]; found {
			return to
		}
		return name
	})
}

// learn takes what the emulator calls the things of a recording.
func (p *player) learn(want, got any) {
	switch want := want.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for k := range want {
			p.learn(want[k], got[k])
		}
	case []any:
		got, _ := got.([]any)
		for i := range want {
			if i < len(got) {
				p.learn(want[i], got[i])
			}
		}
	case string:
		got, isText := got.(string)
		if isText && nameText.FindString(want) == want && want != "" && p.names[want] == "" {
			p.names[want] = got
		}
		if u := uuidText.FindString(want); isText && strings.Contains(want, "/uploader/session/") {
			p.names[u] = uuidText.FindString(got)
		}
	}
}

// stateOf is the state of a server, a storage or an import.
func stateOf(v any) any {
	m, _ := v.(map[string]any)
	for _, key := range []string{"server", "storage", "storage_import"} {
		if o, found := m[key].(map[string]any); found {
			return o["state"]
		}
	}
	return nil
}
