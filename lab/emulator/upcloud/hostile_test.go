package upcloud

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
)

// ask sends a request without a network, as the holder of the default token;
// nil if the path is none that a client could send.
func ask(s http.Handler, method, path, body string) *httptest.ResponseRecorder {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, &http.Request{
		Method: method, URL: u, Host: "emulator", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RequestURI: path,
		Header: http.Header{"Authorization": {"Bearer " + DefaultToken}}, Body: io.NopCloser(strings.NewReader(body)),
	})
	return w
}

func TestHostileRequestsAreAnswered(t *testing.T) {
	s := NewServer(Options{})
	defer s.Close()
	deep := strings.Repeat(`{"server":`, 100_000)
	for _, one := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/1.3/server", strings.Repeat("x", maxBody+1), 413},
		{"POST", "/1.3/server", deep, 400},
		{"POST", "/1.3/server", strings.Repeat("[", 100), 400},
		{"POST", "/1.3/server", `{"server":{"title":"` + strings.Repeat(`\"[`, 1000) + `"}}`, 400},
		{"POST", "/1.3/server", `[]`, 400},
		{"POST", "/1.3/server", `null`, 400},
		{"POST", "/1.3/server", `{"server":null}`, 400},
		{"POST", "/1.3/server", `{"server":{"storage_devices":{"storage_device":[{"size":1e9}]}}}`, 400},
		{"POST", "/1.3/server", `{"server":{"core_number":"99999999999999999999"}}`, 400},
		{"POST", "/1.3/server", "\xff\xfe", 400},
		{"POST", "/1.3/server", `{"server":{}}{}`, 400},
		{"POST", "/1.3/storage", `{"storage":{"zone":"fi-hel1","title":"x","size":"-10"}}`, 400},
		{"POST", "/1.3/network", `{"network":{"zone":"fi-hel1","name":"x","ip_networks":{"ip_network":[{"address":"::/0"}]}}}`, 201},
		{"GET", "/", "", 404},
		{"GET", "/1.3", "", 404},
		{"GET", "/1.2/server", "", 404},
		{"GET", "/1.3/server/../account", "", 404},
		{"GET", "/1.3//server", "", 404},
		{"GET", "/1.3/server/x/y/z/" + strings.Repeat("a/", 5000), "", 404},
		{"GET", "/1.3/server/%2e%2e%2f%00", "", 404},
		{"GET", "/1.3/server/" + strings.Repeat("0", 100_000), "", 400},
		{"GET", "/1.3/ip_address/" + strings.Repeat("1.", 5000), "", 400},
		{"GET", "/1.3/ip_address/fe80::1%25eth0", "", 404},
		{"GET", "/1.3/account/details/%22%3Cscript%3E", "", 404},
		{"PATCH", "/1.3/server", "", 405},
		{"BREW", "/1.3/plan", "", 405},
		{"DELETE", "/1.3/server", "", 405},
		{"PUT", "/uploader/session/x", "data", 404},
		{"POST", "/uploader/session/x", "data", 404},
		{"GET", "/1.3/server?label=" + strings.Repeat("a&label=", 10_000), "", 200},
	} {
		w := ask(s, one.method, one.path, one.body)
		if w.Code != one.status {
			t.Errorf("%s %.60s %.60s: %d, want %d: %.200s", one.method, one.path, one.body, w.Code, one.status, w.Body)
		}
		if len(w.Body.Bytes()) > 10_000 && w.Code >= 400 {
			t.Errorf("%s %.60s: an error of %d bytes", one.method, one.path, len(w.Body.Bytes()))
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %.60s: no JSON: %.200s", one.method, one.path, w.Body)
		}
	}
}

// What is refused, and what comes and goes, leaves nothing that grows.
func TestNothingGrows(t *testing.T) {
	s := NewServer(Options{})
	defer s.Close()
	large := `{"server":{"zone":"fi-hel1","title":"` + strings.Repeat("x", 100_000) + `","hostname":"a"}}`
	round := func(n int) {
		for i := range n {
			ask(s, "POST", "/1.3/server", large)
			ask(s, "GET", fmt.Sprintf("/1.3/nowhere/%d", i), "")
			w := ask(s, "POST", "/1.3/storage", `{"storage":{"zone":"fi-hel1","title":"x","size":10}}`)
			var d struct{ Storage struct{ UUID string } }
			if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
				t.Fatal(err)
			}
			ask(s, "DELETE", "/1.3/storage/"+d.Storage.UUID, "")
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	round(20)
	before := heap()
	round(200)
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grows from %d to %d", before, after)
	}
}

// The account's limits bound servers and disks; what they do not bound, the
// emulator does.
func TestObjectsAreBounded(t *testing.T) {
	account := DefaultAccount()
	account.Limits.Networks = 3
	s := NewServer(Options{Account: &account})
	defer s.Close()
	network := `{"network":{"zone":"fi-hel1","name":"x","ip_networks":{"ip_network":[{"address":"10.9.0.0/24"}]}}}`
	for i := range 5 {
		if w := ask(s, "POST", "/1.3/network", network); (w.Code == 201) != (i < 3) {
			t.Errorf("network %d: %d %s", i+1, w.Code, w.Body)
		}
	}
	expires := time.Now().Add(time.Hour).Format(time.RFC3339)
	for i := range maxTokens + 1 {
		if w := ask(s, "POST", "/1.3/account/tokens", `{"name":"x","expires_at":"`+expires+`"}`); (w.Code == 201) != (i < maxTokens) {
			t.Fatalf("token %d: %d %s", i+1, w.Code, w.Body)
		}
	}
	var labels []string
	for i := range maxLabels + 1 {
		labels = append(labels, fmt.Sprintf(`{"key":"key%d","value":"v"}`, i))
	}
	if w := ask(s, "POST", "/1.3/storage", `{"storage":{"zone":"fi-hel1","title":"x","size":10,"labels":[`+strings.Join(labels, ",")+`]}}`); w.Code != 400 {
		t.Errorf("labels: %d", w.Code)
	}
}
