package upcloud

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

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
