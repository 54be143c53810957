package upcloud_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// recording is one request and the real service's answer to it, out of the
// cassettes that the SDK's module holds.
type recording struct {
	cassette    string
	number      int
	method, url string // the URL without scheme and host
	sent        string
	sentType    string
	status      int
	contentType string
	got         string
}

// recordings are all of them, by cassette, in the order they were made.
func recordings(t *testing.T) map[string][]recording {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/UpCloudLtd/upcloud-go-api/v8").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "upcloud", "service", "fixtures", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cassettes: %v", err)
	}
	all := map[string][]recording{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tape struct {
			Interactions []struct {
				Request struct {
					Body, URL, Method string
					Headers           map[string][]string
				}
				Response struct {
					Body    string
					Headers map[string][]string
					Code    int
				}
			}
		}
		if err := yaml.Unmarshal(data, &tape); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		for i, one := range tape.Interactions {
			r := recording{
				cassette: name, number: i, method: one.Request.Method, sent: one.Request.Body, status: one.Response.Code, got: one.Response.Body,
			}
			_, rest, _ := strings.Cut(one.Request.URL, "://")
			r.url = rest[strings.Index(rest, "/"):]
			if h := one.Request.Headers["Content-Type"]; len(h) > 0 {
				r.sentType = h[0]
			}
			if h := one.Response.Headers["Content-Type"]; len(h) > 0 {
				r.contentType = h[0]
			}
			all[name] = append(all[name], r)
		}
	}
	return all
}

// What a recording names and the emulator names otherwise.
var (
	uuidText = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	nameText = regexp.MustCompile(uuidText.String() + `|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{1,4}|\d+\.\d+\.\d+\.\d+`)
)

// kind is the request without what differs from one to the next.
func (r recording) kind() string {
	path, query, _ := strings.Cut(strings.TrimPrefix(r.url, "/1.3"), "?")
	path = strings.TrimSuffix(path, "/")
	path = nameText.ReplaceAllString(path, "{}")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if i > 0 && (strings.Trim(part, "0123456789") == "" && part != "" || slices.Contains([]string{"details", "tag", "untag", "sub"}, parts[i-1])) {
			parts[i] = "{}"
		}
	}
	if query != "" {
		query = "?" + regexp.MustCompile(`=[^&]*`).ReplaceAllString(query, "=")
	}
	return r.method + " " + strings.Join(parts, "/") + query
}

// values is a reply's JSON; nil if it has none.
func values(t *testing.T, text string) any {
	t.Helper()
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return v
}

// paths collects the path of every key, with [] for the elements of lists, and
// the same path for the same thing in different answers.
func paths(v any, at string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, one := range v {
			p := at + "." + k
			into[canonical(p)] = true
			paths(one, p, into)
		}
	case []any:
		for _, one := range v {
			paths(one, at+"[]", into)
		}
	}
}

// canonical is the path of a key within the thing that it is of.
func canonical(at string) string {
	for _, c := range []struct{ from, to string }{
		{".servers.server[].", ".server."},
		{".storages.storage[].", ".storage."},
		{".resize_backup.", ".storage."},
		{".networks.network[].", ".network."},
		{".ip_addresses.ip_address[].", ".ip_address."},
		{".server.networking.", ".networking."},
		{".networking.interfaces.interface[].", ".interface."},
	} {
		if rest, found := strings.CutPrefix(at, c.from); found {
			at = c.to + rest
		}
	}
	return at
}
