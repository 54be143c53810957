package upcloud

import (
	"bytes"
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

// Whatever is sent, the answer is one of the API's, and the books are right.
func FuzzRequests(f *testing.F) {
	f.Add("POST", "/1.3/server", `{"server":{"zone":"fi-hel1","title":"a","hostname":"a","plan":"STARTER-1xCPU-1GB","metadata":"yes",`+
		`"storage_devices":{"storage_device":[{"action":"clone","storage":"01000000-0000-4000-8000-000030240200","title":"a"}]}}}`)
	f.Add("POST", "/1.3/storage", `{"storage":{"zone":"fi-hel1","title":"x","size":"10","labels":[{"key":"aa","value":"b"}]}}`)
	f.Add("POST", "/1.3/network/", `{"network":{"zone":"fi-hel1","name":"x","ip_networks":{"ip_network":[{"address":"10.9.0.0/24","dhcp":"yes"}]}}}`)
	f.Add("POST", "/1.3/ip_address", `{"ip_address":{"family":"IPv6","floating":"yes","zone":"fi-hel1"}}`)
	f.Add("PUT", "/1.3/server/SERVER", `{"server":{"labels":{"label":[]},"core_number":2}}`)
	f.Add("POST", "/1.3/server/SERVER/stop", `{"stop_server":{"timeout":"5"}}`)
	f.Add("POST", "/1.3/server/SERVER/networking/interface", `{"interface":{"type":"public","index":-1}}`)
	f.Add("POST", "/1.3/server/SERVER/storage/attach", `{"storage_device":{"type":"cdrom","address":"scsi:0:0"}}`)
	f.Add("PATCH", "/1.3/ip_address/10.5.0.18", `{"ip_address":{"mac":null}}`)
	f.Add("POST", "/1.3/storage/STORAGE/import", `{"storage_import":{"source":"direct_upload"}}`)
	f.Add("POST", "/1.3/account/tokens", `{"name":"a","expires_at":"2100-01-01T00:00:00Z"}`)
	f.Add("GET", "/1.3/server?label=a%3Db", ``)
	f.Add("DELETE", "/1.3/server/SERVER?storages=1&backups=delete", ``)
	seed := []string{"POST", "/1.3/server", `{"server":{"zone":"fi-hel1","title":"a","hostname":"a","plan":"STARTER-1xCPU-1GB","metadata":"yes",` +
		`"storage_devices":{"storage_device":[{"action":"clone","storage":"01000000-0000-4000-8000-000030240200","title":"a"}]}}}`}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if strings.Contains(body, "http_import") || method == "" || strings.ContainsAny(method, " \r\n\t") {
			t.Skip("it would ask other servers, or is no request")
		}
		s := NewServer(Options{Seed: 1})
		defer s.Close()
		ask(s, seed[0], seed[1], seed[2])
		var server, disk string
		for uuid, m := range s.machines {
			server, disk = uuid, m.devices[0].storage
		}
		path = strings.NewReplacer("SERVER", server, "STORAGE", disk).Replace(path)
		for range 2 { // some do something else when repeated
			w := ask(s, method, path, body)
			if w == nil {
				t.Skip("no path")
			}
			if w.Code < 200 || w.Code >= 500 {
				t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
			if len(bytes.TrimSpace(w.Body.Bytes())) > 0 && !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s %s: no JSON: %s", method, path, w.Body)
			}
			for s.Next() {
			}
			s.audit(t)
		}
	})
}

// audit checks what must hold of the cloud at any time.
func (s *Server) audit(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	attached := map[string]string{}
	for _, m := range s.machines {
		slots, indexes := map[string]bool{}, map[int]bool{}
		for _, v := range m.devices {
			if slots[v.address] {
				t.Errorf("the slot %s is there twice", v.address)
			}
			slots[v.address] = true
			if d := s.storages[v.storage]; v.storage != "" && d == nil {
				t.Errorf("the slot %s has a storage that is gone", v.address)
			} else if d != nil && !d.public {
				attached[d.uuid] = m.uuid
			}
		}
		for _, n := range m.nics {
			if indexes[n.index] || n.network == nil {
				t.Errorf("the interface %d is there twice, or in no network", n.index)
			}
			indexes[n.index] = true
			for _, a := range n.addresses {
				if s.address[addressKey(a.network, a.text)] != a || a.server != m.uuid {
					t.Errorf("the address %s is not the cloud's, or of another server", a.text)
				}
			}
		}
	}
	for _, d := range s.storages {
		if d.server != attached[d.uuid] {
			t.Errorf("the storage %s is of %q, but in a slot of %q", d.uuid, d.server, attached[d.uuid])
		}
		if costs := len(s.meter.open[d.uuid]) > 0; !d.public && costs == d.partOfPlan && d.zone != "uk-tst1" {
			t.Errorf("the storage %s costs: %v, part of plan: %v", d.uuid, costs, d.partOfPlan)
		}
	}
	for resource := range s.meter.open {
		if s.machines[resource] == nil && s.storages[resource] == nil && s.address[resource] == nil {
			t.Errorf("%s costs and is gone", resource)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{`1`, `"1"`, `""`, `null`, `"x"`, `1.5`, `-1`, `"9223372036854775808"`, `true`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var n number
		if json.Unmarshal(data, &n) != nil {
			return
		}
		again, err := json.Marshal(int64(n))
		if err != nil {
			t.Fatal(err)
		}
		var m number
		if err := json.Unmarshal(again, &m); err != nil || m != n {
			t.Errorf("%s is %d, then %d, %v", data, n, m, err)
		}
	})
}

func FuzzFault(f *testing.F) {
	f.Add([]byte(`{"kind":"slow","delay":"5s","count":1}`))
	f.Add([]byte(`{"kind":"error","status":409,"code":"X","operation":"create_server"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var one, two Fault
		if json.Unmarshal(data, &one) != nil || one.check() != nil {
			return
		}
		again, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &two); err != nil || two != one {
			t.Errorf("%s: %+v, then %+v, %v", data, one, two, err)
		}
	})
}
