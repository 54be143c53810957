package upcloud_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// wide is an account whose limits are far away.
func wide() *upcloud.Account {
	a := upcloud.DefaultAccount()
	a.Credits, a.Limits.Cores, a.Limits.Memory = 1e9, 1e6, 1e9
	a.Limits.PublicIPv4, a.Limits.PublicIPv6, a.Limits.StorageStandard = 1e6, 1e6, 1e6
	return &a
}

// A thousand servers are made, listed and found by label without anybody waiting.
func TestThousandServers(t *testing.T) {
	c := start(t, upcloud.Options{Account: wide()})
	began := time.Now()
	for i := range 1000 {
		r := wanted("fi-hel1", "STARTER-1xCPU-1GB")
		r.Labels = &sdk.LabelSlice{{Key: "meson-key", Value: fmt.Sprint(i)}}
		if _, err := c.CreateServer(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	made := time.Since(began)
	best := func(what string, run func()) time.Duration {
		least := time.Hour
		for range 5 {
			began := time.Now()
			run()
			least = min(least, time.Since(began))
		}
		t.Logf("%s: %v", what, least)
		return least
	}
	list := best("list 1000", func() {
		if l, err := c.GetServers(t.Context()); err != nil || len(l.Servers) != 1000 {
			t.Fatalf("%d, %v", len(l.Servers), err)
		}
	})
	find := best("find 1 of 1000", func() {
		l, err := c.GetServersWithFilters(t.Context(), &request.GetServersWithFiltersRequest{
			Filters: []request.QueryFilter{request.FilterLabel{Label: sdk.Label{Key: "meson-key", Value: "500"}}},
		})
		if err != nil || len(l.Servers) != 1 {
			t.Fatalf("%+v, %v", l, err)
		}
	})
	t.Logf("create 1000: %v", made)
	// Bounds with much room, for slow machines and the race detector.
	if list > time.Second || find > 500*time.Millisecond || made > 60*time.Second {
		t.Errorf("too slow: %v, %v, %v", list, find, made)
	}
}

func BenchmarkList1000(b *testing.B) {
	s := upcloud.NewServer(upcloud.Options{Account: wide()})
	defer s.Close()
	web := httptest.NewServer(s)
	defer web.Close()
	c := &cloud{s, serviceOf(web.URL), web.URL}
	for range 1000 {
		if _, err := c.CreateServer(b.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB")); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		q, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, web.URL+"/1.3/server", nil)
		q.Header.Set("Authorization", "Bearer "+upcloud.DefaultToken)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		_ = a.Body.Close()
	}
}

// Many clients at once make, change and remove servers while faults come and go
// and time is stepped: nothing is left, and nothing is lost.
func TestManyAtOnce(t *testing.T) {
	c := start(t, upcloud.Options{Account: wide(), Clock: manual()})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var others, clients sync.WaitGroup
	others.Add(2)
	go func() {
		defer others.Done()
		for ctx.Err() == nil {
			c.Clock().Step(time.Second)
			c.Stats()
			time.Sleep(time.Millisecond)
		}
	}()
	go func() {
		defer others.Done()
		for ctx.Err() == nil {
			id := c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultResetAfter, Count: 1})
			time.Sleep(3 * time.Millisecond)
			c.Faults().List()
			c.Faults().Remove(id)
		}
	}()
	for i := range 8 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for k := range 4 {
				live(t, c, fmt.Sprintf("%d-%d", i, k))
			}
		}()
	}
	clients.Wait()
	cancel()
	others.Wait()
	for c.Next() {
	}
	if st := c.Stats(); st.Servers+st.Storages+st.PublicIPv4+st.PublicIPv6+len(st.Charges) != 0 {
		t.Errorf("left: %+v", st)
	}
}

// live is a server's life as a careful client leads it: it tries again until the
// cloud is as it should be, and looks by label before it creates again.
func live(t *testing.T, c *cloud, key string) {
	find := func() (string, string, bool) {
		l, err := c.GetServersWithFilters(t.Context(), &request.GetServersWithFiltersRequest{
			Filters: []request.QueryFilter{request.FilterLabel{Label: sdk.Label{Key: "meson-key", Value: key}}},
		})
		if err != nil {
			return "", "", false
		}
		if len(l.Servers) == 0 {
			return "", "", true
		}
		return l.Servers[0].UUID, l.Servers[0].State, true
	}
	made := false
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		uuid, state, known := find()
		switch {
		case !known:
		case uuid == "" && made:
			return
		case uuid == "":
			r := wanted("fi-hel1", "STARTER-1xCPU-1GB")
			r.Labels = &sdk.LabelSlice{{Key: "meson-key", Value: key}}
			_, _ = c.CreateServer(t.Context(), r)
		case state == "started":
			made = true
			_, _ = c.StopServer(t.Context(), &request.StopServerRequest{UUID: uuid, StopType: "hard"})
		case state == "stopped":
			_ = c.DeleteServerAndStorages(t.Context(), &request.DeleteServerAndStoragesRequest{UUID: uuid})
		}
	}
	t.Errorf("the server %s does not come to its end", key)
}
