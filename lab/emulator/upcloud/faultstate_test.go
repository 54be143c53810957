package upcloud_test

import (
	"testing"
	"time"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func TestFaultServerState(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultServerState, Count: 1, Delay: 5 * time.Minute})
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	n, _ := until(t, c, uuid, "error")
	if st := c.Stats(); n > 60 || st.States["error"] != 1 || len(st.Charges) != 1 {
		t.Errorf("after %d s: %+v", n, st)
	}
	if n, _ = until(t, c, uuid, "stopped"); n < 299 || n > 301 {
		t.Errorf("it ends after %d s", n)
	}
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultServerState})
	broken := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	for c.Next() {
	}
	if got := state(t, c, broken); got != "error" {
		t.Fatalf("state %s", got)
	}
	if err := c.DeleteServerAndStorages(t.Context(), &request.DeleteServerAndStoragesRequest{UUID: broken}); err != nil {
		t.Errorf("a broken server cannot be deleted: %v", err)
	}
}

func TestFaultLabelLag(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultLabelLag, Delay: 1500 * time.Millisecond})
	found := func(value string) int {
		l, err := c.GetServersWithFilters(t.Context(), &request.GetServersWithFiltersRequest{
			Filters: []request.QueryFilter{request.FilterLabel{Label: sdk.Label{Key: "meson-key", Value: value}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(l.Servers)
	}
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	if all, err := c.GetServers(t.Context()); err != nil || len(all.Servers) != 1 {
		t.Errorf("unfiltered: %v %v", all, err)
	}
	if n := found("a1"); n != 0 {
		t.Errorf("found at once: %d", n)
	}
	c.Clock().Step(1500 * time.Millisecond)
	if n := found("a1"); n != 1 {
		t.Errorf("found after the lag: %d", n)
	}
	for c.Next() {
	}
	if _, err := c.ModifyServer(t.Context(), &request.ModifyServerRequest{UUID: uuid, Labels: &sdk.LabelSlice{{Key: "meson-key", Value: "a2"}}}); err != nil {
		t.Fatal(err)
	}
	if found("a1") != 1 || found("a2") != 0 {
		t.Error("new labels are found at once")
	}
	c.Clock().Step(1500 * time.Millisecond)
	if found("a1") != 0 || found("a2") != 1 {
		t.Error("new labels are not found after the lag")
	}
}

func TestFaultDeafGuest(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultDeafGuest})
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	for c.Next() {
	}
	stop(t, c, uuid, "soft", 0)
	if c.Next() {
		t.Error("a guest that is deaf stops")
	}
	stop(t, c, uuid, "soft", time.Minute)
	if n, _ := until(t, c, uuid, "stopped"); n != 60 {
		t.Errorf("it is stopped after %d s", n)
	}
	if _, err := c.StartServer(t.Context(), &request.StartServerRequest{UUID: uuid}); err != nil {
		t.Fatal(err)
	}
	stop(t, c, uuid, "soft", 0)
	stop(t, c, uuid, "hard", 0)
	if n, _ := until(t, c, uuid, "stopped"); n > 12 {
		t.Errorf("a hard stop takes %d s", n)
	}
}

// A fault is met by the calls it is about, and by no others.
func TestFaultsMatch(t *testing.T) {
	c := start(t, upcloud.Options{})
	f := c.Faults()
	try := func(zone, plan string) string {
		t.Helper()
		_, err := c.CreateServer(t.Context(), wanted(zone, plan))
		if err == nil {
			return ""
		}
		return problem(t, err).ErrorCode()
	}
	expect := func(what, zone, plan, want string) {
		t.Helper()
		if got := try(zone, plan); got != want {
			t.Errorf("%s: %s in %s: %q, want %q", what, plan, zone, got, want)
		}
	}
	const full, small, large = "SERVER_RESOURCES_UNAVAILABLE", "STARTER-1xCPU-1GB", "STARTER-1xCPU-2GB"
	f.Add(upcloud.Fault{Kind: upcloud.FaultCapacity, Zone: "fi-hel1"})
	expect("zone", "fi-hel1", small, full)
	expect("zone", "fi-hel2", small, "")
	f.Clear()
	f.Add(upcloud.Fault{Kind: upcloud.FaultCapacity, Plan: small})
	expect("plan", "fi-hel1", small, full)
	expect("plan", "fi-hel1", large, "")
	f.Clear()
	f.Add(upcloud.Fault{Kind: upcloud.FaultCapacity, Skip: 1, Count: 2})
	expect("first passes", "fi-hel1", small, "")
	expect("second", "fi-hel1", small, full)
	expect("third", "fi-hel1", small, full)
	expect("fourth passes", "fi-hel1", small, "")
	if _, err := c.GetPlans(t.Context()); err != nil {
		t.Errorf("capacity met a call that only reads: %v", err)
	}
	f.Clear()
	// A server's own zone and plan count where the request has none.
	servers, err := c.GetServers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop(t, c, servers.Servers[0].UUID, "hard", 0)
	f.Add(upcloud.Fault{Kind: upcloud.FaultCapacity, Zone: servers.Servers[0].Zone, Plan: servers.Servers[0].Plan})
	_, err = c.StartServer(t.Context(), &request.StartServerRequest{UUID: servers.Servers[0].UUID})
	if problem(t, err).ErrorCode() != full {
		t.Errorf("start: %v", err)
	}
}
