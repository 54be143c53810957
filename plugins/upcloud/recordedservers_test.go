package upcloud

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
)

// Every server that is in UpCloud's own recordings is read as UpCloud's own SDK
// reads it, and with what that leaves out.
func TestRecordedServers(t *testing.T) {
	one := regexp.MustCompile(`/1\.3/server(/[0-9a-f-]{36}(/(start|stop|restart|storage/attach|storage/detach))?)?/?$`)
	read, made, labelled, disks, addresses := 0, 0, 0, 0, 0
	for _, i := range recordings(t, "*.yaml") {
		url, _, _ := strings.Cut(i.Request.URL, "?")
		if i.Response.Code/100 != 2 || !one.MatchString(url) || i.Response.Body == "" {
			continue
		}
		body := []byte(i.Response.Body)
		if strings.HasSuffix(strings.TrimSuffix(url, "/"), "/server") && i.Request.Method == http.MethodGet {
			continue // lists are below
		}
		s, err := decodeServer(body)
		if err != nil {
			t.Errorf("%s %s: %v", i.Request.Method, i.Request.URL, err)
			continue
		}
		var theirs upcloud.ServerDetails
		if err := json.Unmarshal(body, &theirs); err != nil {
			t.Fatal(err)
		}
		read++
		if i.Request.Method == http.MethodPost && i.Response.Code == http.StatusAccepted {
			made++
		}
		if s.uuid != theirs.UUID || s.state != theirs.State || s.zone != theirs.Zone || s.plan != theirs.Plan || s.cores != theirs.CoreNumber ||
			s.memoryMiB != theirs.MemoryAmount || s.title != theirs.Title || s.hostname != theirs.Hostname || s.created.IsZero() {
			t.Errorf("%s: have %+v, the SDK has %+v", i.Request.URL, s, theirs)
		}
		for _, l := range theirs.Labels {
			labelled++
			if s.labels[strings.ToLower(l.Key)] != l.Value {
				t.Errorf("%s: label %s is %q, want %q", i.Request.URL, l.Key, s.labels[strings.ToLower(l.Key)], l.Value)
			}
		}
		for _, d := range theirs.StorageDevices {
			disks++
			if at := s.slot(d.UUID); at == nil || at.address != d.Address || at.title != d.Title || at.kind != d.Type {
				t.Errorf("%s: slot %+v, want %+v", i.Request.URL, at, d)
			}
		}
		for _, a := range theirs.IPAddresses {
			addresses++
			if !slices.ContainsFunc(s.addresses, func(b address) bool { return b.ip == a.Address && b.access == a.Access }) {
				t.Errorf("%s: address %s is missing among %v", i.Request.URL, a.Address, s.addresses)
			}
		}
		if in := (&Provider{now: time.Now, memory: newMemory(usual())}).instance(s); in.GetId() == "" || in.GetState() == 0 || len(in.GetAddresses()) != len(s.addresses) {
			t.Errorf("%s: instance %v", i.Request.URL, in)
		}
	}
	if read < 80 || made < 20 || labelled < 80 || disks < 50 || addresses < 100 {
		t.Errorf("%d servers, %d of them new, %d labels, %d disks, %d addresses: there were more", read, made, labelled, disks, addresses)
	}
	t.Logf("%d servers, %d of them new, %d labels, %d disks, %d addresses", read, made, labelled, disks, addresses)
}

// The lists, too; the SDK's type of those has no labels.
func TestRecordedLists(t *testing.T) {
	lists, servers := 0, 0
	for _, i := range recordings(t, "*.yaml") {
		url, _, _ := strings.Cut(i.Request.URL, "?")
		if i.Response.Code != 200 || i.Request.Method != http.MethodGet || !strings.HasSuffix(strings.TrimSuffix(url, "/"), "/1.3/server") {
			continue
		}
		all, err := decodeServers([]byte(i.Response.Body))
		if err != nil {
			t.Errorf("%s: %v", i.Request.URL, err)
			continue
		}
		var theirs upcloud.Servers
		if err := json.Unmarshal([]byte(i.Response.Body), &theirs); err != nil {
			t.Fatal(err)
		}
		if len(all) != len(theirs.Servers) {
			t.Errorf("%s: %d servers, want %d", i.Request.URL, len(all), len(theirs.Servers))
		}
		lists++
		servers += len(all)
		for _, s := range all {
			if strings.Contains(i.Request.URL, "label=") && len(s.labels) == 0 {
				t.Errorf("%s: %s has no labels", i.Request.URL, s.uuid)
			}
		}
	}
	if lists < 1 || servers < 2 {
		t.Errorf("%d lists of %d servers: there were more", lists, servers)
	}
	t.Logf("%d lists of %d servers", lists, servers)
}

// An answer that makes no sense is an error, and never a server without a name.
func TestDecodeServerRefuses(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"server":null}`, `{"server":{}}`, `{"server":{"uuid":"x","state":"started"}}`,
		`{"server":{"uuid":"00000000-0000-4000-8000-000000000001"}}`, `{"servers":{"server":[]}}`,
		`{"server":{"uuid":"00000000-0000-4000-8000-000000000001","state":"started","core_number":"many"}}`,
	} {
		if s, err := decodeServer([]byte(body)); err == nil {
			t.Errorf("%s: %+v", body, s)
		}
	}
}

func FuzzDecodeServer(f *testing.F) {
	f.Add([]byte(`{"server":{"uuid":"00000000-0000-4000-8000-000000000001","state":"started","created":1,"labels":{"label":[{"key":"a","value":"b"}]}}}`))
	for _, i := range recordings(f, "createstartstopserver.yaml")[:2] {
		f.Add([]byte(i.Response.Body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := decodeServer(body)
		if err != nil {
			return
		}
		in := (&Provider{now: time.Now, memory: newMemory(usual())}).instance(s)
		if !uuidText.MatchString(in.GetId()) || in.GetState() == 0 {
			t.Errorf("%q became %v", body, in)
		}
	})
}
