package upcloud_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// The cost of what runs, and for how long.
func TestMeter(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	cost := func() string { st := c.Stats(); return fmt.Sprintf("%.4f, %d running", st.SpentCents, len(st.Charges)) }
	expect := func(when, want string) {
		t.Helper()
		if got := cost(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	rest := func() {
		for c.Next() {
		}
	}
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID // disk and address are part of it: 0.4464
	rest()
	expect("an hour that began", "0.4464, 1 running")
	stop(t, c, uuid, "hard", 0)
	rest()
	c.Clock().Step(9*time.Hour + 30*time.Minute)
	expect("a stopped server costs", "4.4640, 1 running")
	if err := c.DeleteServer(t.Context(), &request.DeleteServerRequest{UUID: uuid}); err != nil {
		t.Fatal(err)
	}
	// Its disk stays and costs by itself: 10 GiB of standard at 0.0118.
	c.Clock().Step(time.Second)
	expect("a disk that was part of a plan", "4.5820, 1 running")
	private, err := c.GetStorages(t.Context(), &request.GetStoragesRequest{Access: "private"})
	if err != nil || len(private.Storages) != 1 {
		t.Fatalf("%v %v", private, err)
	}
	if err := c.DeleteStorage(t.Context(), &request.DeleteStorageRequest{UUID: private.Storages[0].UUID}); err != nil {
		t.Fatal(err)
	}
	expect("nothing is left", "4.5820, 0 running")

	native := create(t, c, "fi-hel1", "CLOUDNATIVE-1xCPU-4GB").UUID // 1.7857, disk 0.118, IPv4 0.4812
	rest()
	if st := c.Stats(); len(st.Charges) != 3 {
		t.Errorf("a plan without disk and address: %+v", st.Charges)
	}
	stop(t, c, native, "hard", 0)
	rest()
	if st := c.Stats(); len(st.Charges) != 2 {
		t.Errorf("it costs while it is stopped: %+v", st.Charges)
	}
}

// With the plan changes what is part of it.
func TestMeterFollowsThePlan(t *testing.T) {
	c := start(t, upcloud.Options{})
	uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	_ = state(t, c, uuid)
	stop(t, c, uuid, "hard", 0)
	items := func() string {
		var all []string
		for _, one := range c.Stats().Charges {
			all = append(all, one.Item)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	for _, one := range []struct{ plan, want string }{
		{"STARTER-1xCPU-2GB", "server_plan_STARTER-1xCPU-2GB"},
		{"CLOUDNATIVE-1xCPU-4GB", "ipv4_address storage_standard"}, // stopped: the plan itself costs nothing
		{"STARTER-1xCPU-1GB", "server_plan_STARTER-1xCPU-1GB storage_standard"},
	} {
		if _, err := c.ModifyServer(t.Context(), &request.ModifyServerRequest{UUID: uuid, Plan: one.plan}); err != nil {
			t.Fatal(err)
		}
		if got := items(); got != one.want {
			t.Errorf("%s: %s, want %s", one.plan, got, one.want)
		}
	}
	d, err := c.GetServerDetails(t.Context(), &request.GetServerDetailsRequest{UUID: uuid})
	if err != nil {
		t.Fatal(err)
	}
	kept := ""
	for _, a := range d.IPAddresses {
		if a.Access == "public" && a.Family == "IPv4" {
			kept = a.Address
		}
	}
	if _, err := c.ModifyIPAddress(t.Context(), &request.ModifyIPAddressRequest{IPAddress: kept, ReleasePolicy: "keep"}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteServerAndStorages(t.Context(), &request.DeleteServerAndStoragesRequest{UUID: uuid}); err != nil {
		t.Fatal(err)
	}
	if got := items(); got != "ipv4_address" {
		t.Errorf("an address that is kept costs: %q", got)
	}
}

func TestMonthsAreOf672Hours(t *testing.T) {
	c := start(t, upcloud.Options{Clock: upcloud.NewClock(upcloud.ClockOptions{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Manual: true})})
	create(t, c, "fi-hel1", "STARTER-1xCPU-1GB")
	c.Clock().Step(31 * 24 * time.Hour)
	if got := c.Stats().SpentCents; got != 672*0.4464 {
		t.Errorf("January costs %v, want %v", got, 672*0.4464)
	}
	c.Clock().Step(time.Hour)
	if got := fmt.Sprintf("%.4f", c.Stats().SpentCents); got != fmt.Sprintf("%.4f", 673*0.4464) {
		t.Errorf("with an hour of February: %v", got)
	}
	a, err := c.GetAccount(t.Context())
	if err != nil || fmt.Sprintf("%.4f", a.Credits) != fmt.Sprintf("%.4f", 100000-673*0.4464) {
		t.Errorf("credits: %v, %v", a, err)
	}
}

// In a private zone all is free, and so are no charges a proof of nothing left.
func TestPrivateZoneIsFree(t *testing.T) {
	c := start(t, upcloud.Options{})
	create(t, c, "uk-tst1", "PREMIUM-2xCPU-4GB")
	if st := c.Stats(); len(st.Charges) != 0 || st.Servers != 1 || st.Storages != 1 {
		t.Errorf("%+v", st)
	}
}
