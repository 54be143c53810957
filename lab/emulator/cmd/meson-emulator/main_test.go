package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func run(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	c := root()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(io.Discard)
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

func TestHelpBeginsWithAnExample(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"upcloud", "--help"}, {}} {
		if text, err := run(t.Context(), args...); err != nil || !strings.HasPrefix(text, "Example:\n  meson-emulator ") {
			t.Errorf("%v: %v %.80s", args, err, text)
		}
	}
}

func TestBehaviourIsPrinted(t *testing.T) {
	if text, err := run(t.Context(), "upcloud", "--behaviour"); err != nil || text != upcloud.BehaviourTable() {
		t.Errorf("%v: %.80s", err, text)
	}
}

func TestServesUntilItIsEnded(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "credentials.json")
	if err := os.WriteFile(secret, []byte(`[{"username": "me", "token": "ucat_mine"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(dir, "env")
	ctx, end := context.WithCancel(t.Context())
	defer end()
	done := make(chan error, 1)
	var out string
	go func() {
		var err error
		out, err = run(ctx, "upcloud", "--credentials", secret, "--env", env, "--speed", "0", "--currency", "USD")
		done <- err
	}()
	urls := map[string]string{}
	for len(urls) == 0 {
		data, _ := os.ReadFile(env)
		for line := range strings.Lines(string(data)) {
			key, url, _ := strings.Cut(strings.TrimSpace(line), "=")
			urls[key] = url
		}
		select {
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	get := func(url, token string) (int, string) {
		q, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		q.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Body.Close() }()
		text, _ := io.ReadAll(a.Body)
		return a.StatusCode, string(text)
	}
	api, control := urls["MESON_LAB_UPCLOUD_URL"], urls["MESON_LAB_UPCLOUD_CONTROL"]
	if status, text := get(api+"/1.3/price", "ucat_mine"); status != 200 || !strings.Contains(text, `"currency":"USD"`) {
		t.Errorf("%d %.80s", status, text)
	}
	if status, _ := get(api+"/1.3/price", upcloud.DefaultToken); status != 401 {
		t.Errorf("the default token opens: %d", status)
	}
	_, text := get(control+"/clock", "")
	var clock struct{ Speed float64 }
	if err := json.Unmarshal([]byte(text), &clock); err != nil || clock.Speed != 0 {
		t.Errorf("%s %v", text, err)
	}
	end()
	if err := <-done; err != nil {
		t.Errorf("ended: %v", err)
	}
	if out != "MESON_LAB_UPCLOUD_URL="+api+"\nMESON_LAB_UPCLOUD_CONTROL="+control+"\n" {
		t.Errorf("printed %q", out)
	}
}

func TestWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, one := range []struct {
		want string
		args []string
	}{
		{"no such file", []string{"--credentials", filepath.Join(dir, "none")}},
		{"chmod 600", []string{"--credentials", file("open", `[{"username":"a","token":"b"}]`, 0o644)}},
		{"a list of credentials", []string{"--credentials", file("bad", `{"username":"a"}`, 0o600)}},
		{"unknown field", []string{"--credentials", file("unknown", `[{"username":"a","tokne":"b"}]`, 0o600)}},
		{"no credentials", []string{"--credentials", file("empty", `[]`, 0o600)}},
		{"credential 2", []string{"--credentials", file("half", `[{"username":"a","token":"b"},{"username":"c"}]`, 0o600)}},
		{"negative", []string{"--speed", "-1"}},
		{"three letters", []string{"--currency", "euro"}},
		{"listen", []string{"--listen", "256.0.0.1:0"}},
		{"unknown command", []string{"extra"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := run(ctx, append([]string{"upcloud"}, one.args...)...)
		cancel()
		if err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%v: %v, want %q", one.args, err, one.want)
		}
	}
}
