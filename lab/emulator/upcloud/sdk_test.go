package upcloud_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/client"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/service"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// cloud is an emulator that runs, and the SDK's client of it.
type cloud struct {
	*upcloud.Server
	*service.Service
	url string
}

func start(t *testing.T, o upcloud.Options) *cloud {
	t.Helper()
	s := upcloud.NewServer(o)
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		web.Close()
	})
	return &cloud{s, serviceOf(web.URL), web.URL}
}

// serviceOf is the SDK's client of an emulator that was given no credentials.
func serviceOf(url string) *service.Service {
	return service.New(client.New("", "", client.WithBearerAuth(upcloud.DefaultToken), client.WithBaseURL(url)))
}

// manual is a clock that stands still.
func manual() *upcloud.Clock {
	return upcloud.NewClock(upcloud.ClockOptions{Start: time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC), Manual: true})
}

const ubuntu = "01000000-0000-4000-8000-000030240200"

// wanted is a server that the cloud takes.
func wanted(zone, plan string) *request.CreateServerRequest {
	return &request.CreateServerRequest{
		Zone: zone, Plan: plan, Title: "web1", Hostname: "web1", Metadata: sdk.True, UserData: "#cloud-config\n",
		Labels:         &sdk.LabelSlice{{Key: "meson-key", Value: "a1"}},
		StorageDevices: request.CreateServerStorageDeviceSlice{{Action: "clone", Storage: ubuntu, Title: "web1", Size: 10, Tier: "standard"}},
	}
}

func create(t *testing.T, c *cloud, zone, plan string) *sdk.ServerDetails {
	t.Helper()
	d, err := c.CreateServer(t.Context(), wanted(zone, plan))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func state(t *testing.T, c *cloud, uuid string) string {
	t.Helper()
	d, err := c.GetServerDetails(t.Context(), &request.GetServerDetailsRequest{UUID: uuid})
	if err != nil {
		t.Fatal(err)
	}
	return d.State
}

func TestServerLivesAndDies(t *testing.T) {
	c := start(t, upcloud.Options{Seed: 1})
	ctx := context.Background()
	d := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB")
	if d.State != "maintenance" || len(d.StorageDevices) != 1 || len(d.IPAddresses) != 3 {
		t.Errorf("created: %+v", d)
	}
	if got := state(t, c, d.UUID); got != "started" {
		t.Fatalf("state %s", got)
	}
	found, err := c.GetServersWithFilters(ctx, &request.GetServersWithFiltersRequest{
		Filters: []request.QueryFilter{request.FilterLabel{Label: sdk.Label{Key: "meson-key", Value: "a1"}}},
	})
	if err != nil || len(found.Servers) != 1 || found.Servers[0].UUID != d.UUID {
		t.Fatalf("by label: %+v, %v", found, err)
	}
	if _, err := c.StopServer(ctx, &request.StopServerRequest{UUID: d.UUID, StopType: "hard"}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteServerAndStorages(ctx, &request.DeleteServerAndStoragesRequest{UUID: d.UUID}); err != nil {
		t.Fatal(err)
	}
	if st := c.Stats(); st.Servers+st.Storages+st.PublicIPv4 != 0 || len(st.Charges) != 0 {
		t.Errorf("left: %+v", st)
	}
}

func textLog(to *strings.Builder) *slog.Logger {
	return slog.New(slog.NewTextHandler(&lockedWriter{to: to}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lockedWriter is for handlers of requests that log at the same time.
type lockedWriter struct {
	mu sync.Mutex
	to *strings.Builder
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
