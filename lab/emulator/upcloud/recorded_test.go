package upcloud_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// skipped are the recordings that are not compared, by how the path begins, and why.
var skipped = []struct{ prefix, why string }{
	{"/database", "other service"},
	{"/load-balancer", "other service"},
	{"/object-storage", "other service"},
	{"/gateway", "other service"},
	{"/kubernetes", "other service"},
	{"/file-storage", "other service"},
	{"/router", "routers"},
	{"/tag", "tags"},
	{"/server/{}/tag", "tags"},
	{"/server/{}/untag", "tags"},
	{"/server/{}/firewall_rule", "firewall"},
	{"/server-group", "server groups"},
	{"/server/{}/relocate", "relocation"},
	{"/host", "hosts"},
	{"/timezone", "time zones"},
	{"/account/sub", "sub-accounts"},
	{"/permission/", "sub-accounts"},
	{"/partner", "partners"},
}

func (r recording) skip() string {
	_, path, _ := strings.Cut(r.kind(), " ")
	for _, s := range skipped {
		if strings.HasPrefix(path, s.prefix) {
			return s.why
		}
	}
	return ""
}

// What is compared may only grow, and what is skipped only shrink: of all
// recordings so many, of so many kinds of requests, and so many by reason.
const (
	recordedAll   = 1473
	compared      = 247
	comparedKinds = 55
)

func skippedByReason() map[string]int {
	return map[string]int{
		"other service": 1140, "routers": 29, "tags": 25, "firewall": 7, "server groups": 10, "relocation": 1, "hosts": 4, "time zones": 1,
		"sub-accounts": 7, "partners": 2,
	}
}

// Every recorded request of a kind that the emulator serves is sent to it again,
// in the order and with the identifiers of its cassette, and the answer has the
// recorded status, content type, keys and types.
func TestRepliesAreAsRecorded(t *testing.T) {
	all := recordings(t)
	known := map[string]bool{}
	for _, tape := range all {
		for _, r := range tape {
			if r.skip() == "" {
				paths(values(t, r.got), "", known)
			}
		}
	}
	done, kinds, skips := 0, map[string]int{}, map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			p := newPlayer(t)
			for _, r := range all[name] {
				if why := r.skip(); why != "" {
					skips[why]++
					continue
				}
				done++
				kinds[r.kind()]++
				p.play(r, known)
			}
		})
	}
	if done < compared || len(kinds) < comparedKinds {
		t.Errorf("%d recordings of %d kinds are compared, want %d of %d at least", done, len(kinds), compared, comparedKinds)
	}
	total := done
	for why, n := range skips {
		total += n
		if n > skippedByReason()[why] {
			t.Errorf("%d recordings are skipped because of %q, want %d at most", n, why, skippedByReason()[why])
		}
	}
	if total != recordedAll {
		t.Errorf("there are %d recordings, not %d", total, recordedAll)
	}
	t.Logf("%d recordings of %d kinds compared, skipped: %v", done, len(kinds), skips)
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%3d × %s", kinds[k], k)
	}
}

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
