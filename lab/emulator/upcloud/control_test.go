package upcloud_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func TestControl(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	control := httptest.NewServer(c.Control())
	defer control.Close()
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), method, control.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Body.Close() }()
		text, _ := io.ReadAll(a.Body)
		return a.StatusCode, string(text)
	}
	expect := func(method, path, body string, status int, want string) {
		t.Helper()
		if got, text := ask(method, path, body); got != status || !strings.Contains(text, want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, got, text, status, want)
		}
	}
	expect("GET", "/", "", 200, "/faults")
	expect("POST", "/faults", `{"kind":"capacity","zone":"fi-hel1","count":1}`, 200, `{"id":1}`)
	_, err := c.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
	if problem(t, err).ErrorCode() != "SERVER_RESOURCES_UNAVAILABLE" {
		t.Errorf("%v", err)
	}
	expect("GET", "/faults", "", 200, `[{"id":1,"fault":{"kind":"capacity","zone":"fi-hel1","count":1},"hits":1}]`)
	expect("POST", "/faults", `{"kind":"slow","delay":"1ms"}`, 200, `{"id":2}`)
	expect("DELETE", "/faults/2", "", 204, "")
	expect("DELETE", "/faults/2", "", 400, "there is no fault")
	expect("DELETE", "/faults", "", 204, "")
	expect("GET", "/faults", "", 200, "[]")
	for _, bad := range []string{`{"kind":"slow","dealy":"1s"}`, `{"kind":"slow","delay":"1"}`, `{"kind":"x"}`, `{`, ``, strings.Repeat("x", 1<<17)} {
		expect("POST", "/faults", bad, 400, "")
	}

	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	expect("POST", "/clock", `{"step":"2m"}`, 200, `"now":"2026-11-03T10:02:00Z"`)
	if got := state(t, c, uuid); got != "started" {
		t.Errorf("after two minutes: %s", got)
	}
	stop(t, c, uuid, "hard", 0)
	expect("POST", "/clock", `{"next":true}`, 200, "")
	if got := state(t, c, uuid); got != "stopped" {
		t.Errorf("after the next event: %s", got)
	}
	expect("POST", "/clock", `{"step":"-1m"}`, 400, "step")
	expect("POST", "/clock", `{"speed":60}`, 200, `"speed":60,"manual":false`)
	expect("POST", "/clock", `{"speed":-1}`, 400, "speed")

	expect("POST", "/stock", `{"zone":"fi-hel2","plan":"STARTER-1xCPU-1GB","servers":0}`, 204, "")
	_, err = c.CreateServer(t.Context(), wanted("fi-hel2", "STARTER-1xCPU-1GB"))
	if problem(t, err).ErrorCode() != "SERVER_RESOURCES_UNAVAILABLE" {
		t.Errorf("%v", err)
	}
	expect("POST", "/stock", `{"zone":"fi-hel2","plan":"STARTER","servers":0}`, 400, "STARTER")
	expect("POST", "/stock", `{"zone":"fi-hel2","plan":"STARTER-1xCPU-1GB"}`, 400, "servers")

	expect("POST", "/account", `{"limits":{"cores":1}}`, 200, `"cores":1,"detached_floating_ips":10`)
	_, err = c.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
	if problem(t, err).ErrorCode() != "SERVER_CORE_LIMIT_REACHED" {
		t.Errorf("%v", err)
	}
	expect("POST", "/account", `{"credits":0,"limits":{"cores":9}}`, 200, `"credits":0`)
	_, err = c.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
	if problem(t, err).ErrorCode() != "INSUFFICIENT_CREDITS" {
		t.Errorf("%v", err)
	}
	expect("POST", "/account", `{"currency":"XXX"}`, 400, "")

	var stats upcloud.Stats
	if _, text := ask("GET", "/stats", ""); json.Unmarshal([]byte(text), &stats) != nil || stats.Servers != 1 || len(stats.Charges) != 1 {
		t.Errorf("%+v", stats)
	}
	expect("GET", "/behaviour", "", 200, `"source":"assumed"`)
	expect("GET", "/nothing", "", 404, "")
}

// The switches are not on the API's port.
func TestControlIsElsewhere(t *testing.T) {
	c := start(t, upcloud.Options{})
	for _, path := range []string{"/faults", "/stats", "/clock", "/1.3/faults", "/control"} {
		if status, _ := call(t, c, http.MethodGet, path, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}
