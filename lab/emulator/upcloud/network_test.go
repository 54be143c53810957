package upcloud_test

import (
	"testing"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func TestPrivateNetwork(t *testing.T) {
	c := start(t, upcloud.Options{})
	ctx := t.Context()
	n, err := c.CreateNetwork(ctx, &request.CreateNetworkRequest{
		Name: "inside", Zone: "fi-hel1", IPNetworks: sdk.IPNetworkSlice{{Address: "172.16.0.0/29", DHCP: sdk.True, Family: "IPv4"}},
	})
	if err != nil || n.Type != "private" || n.IPNetworks[0].Gateway != "172.16.0.1" {
		t.Fatalf("%+v, %v", n, err)
	}
	r := wanted("fi-hel1", "STARTER-1xCPU-1GB")
	r.Networking = &request.CreateServerNetworking{Interfaces: request.CreateServerInterfaceSlice{
		{Type: "private", Network: n.UUID, IPAddresses: request.CreateServerIPAddressSlice{{Family: "IPv4", Address: "172.16.0.4"}}},
	}}
	server, err := c.CreateServer(ctx, r)
	if err != nil || server.IPAddresses[0].Address != "172.16.0.4" || server.IPAddresses[0].Access != "private" {
		t.Fatalf("%+v, %v", server, err)
	}
	_, err = c.CreateServer(ctx, r)
	if p := problem(t, err); p.Status != 409 {
		t.Errorf("an address is given twice: %v", err)
	}
	// 2, 3, 5 and 6 are left of eight.
	r.Networking.Interfaces[0].IPAddresses[0].Address = ""
	seen := map[string]bool{}
	for range 4 {
		one, err := c.CreateServer(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		seen[one.IPAddresses[0].Address] = true
	}
	if len(seen) != 4 || seen["172.16.0.1"] || seen["172.16.0.4"] {
		t.Errorf("given: %v", seen)
	}
	if _, err = c.CreateServer(ctx, r); problem(t, err).ErrorCode() != "IP_ADDRESS_RESOURCES_UNAVAILABLE" {
		t.Errorf("the network is full: %v", err)
	}
	// What was released is given again, when nothing else is left.
	for range 3 {
		l, err := c.GetServers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		stop(t, c, l.Servers[0].UUID, "hard", 0)
		if err := c.DeleteServerAndStorages(ctx, &request.DeleteServerAndStoragesRequest{UUID: l.Servers[0].UUID}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreateServer(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	twice := *r
	twice.Networking = &request.CreateServerNetworking{Interfaces: request.CreateServerInterfaceSlice{
		{Type: "private", Network: n.UUID, IPAddresses: request.CreateServerIPAddressSlice{{Family: "IPv4", Address: "172.16.0.5"}, {Family: "IPv4", Address: "172.16.0.5"}}},
	}}
	if _, err = c.CreateServer(ctx, &twice); problem(t, err).Status != 409 {
		t.Errorf("one address twice: %v", err)
	}
	if err := c.DeleteNetwork(ctx, &request.DeleteNetworkRequest{UUID: n.UUID}); problem(t, err).ErrorCode() != "NETWORK_NOT_EMPTY" {
		t.Errorf("deleted in use: %v", err)
	}
	r.Zone = "de-fra1"
	if _, err = c.CreateServer(ctx, r); problem(t, err).ErrorCode() != "ZONE_MISMATCH" {
		t.Errorf("from another zone: %v", err)
	}
	servers, err := c.GetServers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range servers.Servers {
		stop(t, c, one.UUID, "hard", 0)
		if err := c.DeleteServerAndStorages(ctx, &request.DeleteServerAndStoragesRequest{UUID: one.UUID}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.DeleteNetwork(ctx, &request.DeleteNetworkRequest{UUID: n.UUID}); err != nil {
		t.Error(err)
	}
	if st := c.Stats(); st.Networks+st.Servers+len(st.Charges) != 0 {
		t.Errorf("left: %+v", st)
	}
}

func TestInterfacesAndAddresses(t *testing.T) {
	c := start(t, upcloud.Options{})
	ctx := t.Context()
	server := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	_ = state(t, c, server)
	stop(t, c, server, "hard", 0)
	before := c.Stats()
	n, err := c.CreateNetworkInterface(ctx, &request.CreateNetworkInterfaceRequest{
		ServerUUID: server, Type: "public", IPAddresses: request.CreateNetworkInterfaceIPAddressSlice{{Family: "IPv4"}},
	})
	if err != nil || n.Index != 4 {
		t.Fatalf("%+v, %v", n, err)
	}
	if st := c.Stats(); st.PublicIPv4 != before.PublicIPv4+1 || len(st.Charges) != len(before.Charges)+1 {
		t.Errorf("a second IPv4 costs nothing: %+v", st.Charges)
	}
	ip := n.IPAddresses[0].Address
	if a, err := c.GetIPAddressDetails(ctx, &request.GetIPAddressDetailsRequest{Address: ip}); err != nil || a.ServerUUID != server || a.PTRRecord == "" {
		t.Errorf("%+v, %v", a, err)
	}
	if err := c.DeleteNetworkInterface(ctx, &request.DeleteNetworkInterfaceRequest{ServerUUID: server, Index: n.Index}); err != nil {
		t.Error(err)
	}
	if _, err := c.GetIPAddressDetails(ctx, &request.GetIPAddressDetailsRequest{Address: ip}); problem(t, err).Status != 404 {
		t.Errorf("the address outlives its interface: %v", err)
	}
	// A floating address outlives its server, and costs until it is released.
	details, err := c.GetServerDetails(ctx, &request.GetServerDetailsRequest{UUID: server})
	if err != nil {
		t.Fatal(err)
	}
	floating, err := c.AssignIPAddress(ctx, &request.AssignIPAddressRequest{Family: "IPv4", Floating: sdk.True, MAC: details.Networking.Interfaces[0].MAC})
	if err != nil || floating.ServerUUID != server {
		t.Fatalf("%+v, %v", floating, err)
	}
	if err := c.DeleteServerAndStorages(ctx, &request.DeleteServerAndStoragesRequest{UUID: server}); err != nil {
		t.Fatal(err)
	}
	st := c.Stats()
	if len(st.Charges) != 1 || st.Charges[0].Resource != floating.Address || st.PublicIPv4 != 1 {
		t.Errorf("%+v", st)
	}
	if err := c.ReleaseIPAddress(ctx, &request.ReleaseIPAddressRequest{IPAddress: floating.Address}); err != nil {
		t.Error(err)
	}
	if st := c.Stats(); len(st.Charges)+st.PublicIPv4+st.PublicIPv6 != 0 {
		t.Errorf("left: %+v", st)
	}
}
