package upcloud

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func testOrder(t *testing.T, m machine, login *pb.Login) *order {
	t.Helper()
	token, err := m.token()
	if err != nil {
		t.Fatal(err)
	}
	p := provider(t, "http://127.0.0.1:1", nil, Hooks{})
	o, err := p.orderOf(&pb.CreateRequest{
		Name: "web1", Owner: &pb.Owner{Broker: "b", Allocation: "a", Key: "k", Request: "r"}, Login: login,
		Offer: &pb.Offer{Zone: m.Zone, Token: token},
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const testTemplate = "01000000-0000-4000-8000-000020070100"

// The request for a server, whole.
func TestOrderBody(t *testing.T) {
	const network = "03000000-0000-4000-8001-000000000001"
	ipv4 := map[string]any{"ip_address": []any{map[string]any{"family": "IPv4"}}}
	labels := map[string]any{"label": []any{
		map[string]any{"key": "meson-allocation", "value": "a"},
		map[string]any{"key": "meson-broker", "value": "b"},
		map[string]any{"key": "meson-key", "value": "k"},
		map[string]any{"key": "meson-name", "value": "web1"},
		map[string]any{"key": "meson-request", "value": "r"},
	}}
	disk := func(size float64, tier string) map[string]any {
		return map[string]any{"storage_device": []any{map[string]any{
			"action": "clone", "storage": testTemplate, "size": size, "tier": tier, "title": "meson-disk-710800c9e207017de17bae08",
		}}}
	}
	for _, c := range []struct {
		name    string
		machine machine
		login   *pb.Login
		want    map[string]any
	}{
		{
			"a plan, an address and a login",
			machine{Zone: "fi-hel1", Plan: "PREMIUM-2xCPU-4GB", Cores: 2, MemoryMiB: 4096, Template: testTemplate, DiskGiB: 50, Tier: "maxiops", PublicIPv4: true},
			&pb.Login{Hostname: "www", Username: "ann", SshKeys: []string{"ssh-ed25519 AAAA"}, UserData: []byte("#!/bin/sh\n")},
			map[string]any{
				"zone": "fi-hel1", "plan": "PREMIUM-2xCPU-4GB", "title": "meson-web1", "hostname": "www", "metadata": "yes", "user_data": "#!/bin/sh\n",
				"password_delivery": "none", "remote_access_enabled": "no", "labels": labels, "storage_devices": disk(50, "maxiops"),
				"login_user": map[string]any{"username": "ann", "create_password": "no", "ssh_keys": map[string]any{"ssh_key": []any{"ssh-ed25519 AAAA"}}},
				"networking": map[string]any{"interfaces": map[string]any{"interface": []any{
					map[string]any{"type": "public", "ip_addresses": ipv4}, map[string]any{"type": "utility", "ip_addresses": ipv4},
				}}},
			},
		},
		{
			"a free size in a private network",
			machine{Zone: "fi-hel1", Cores: 3, MemoryMiB: 5120, Template: testTemplate, DiskGiB: 10, Tier: "standard", Networks: []string{network}},
			nil,
			map[string]any{
				"zone": "fi-hel1", "plan": "custom", "core_number": 3.0, "memory_amount": 5120.0, "title": "meson-web1", "hostname": "web1", "metadata": "yes",
				"password_delivery": "none", "remote_access_enabled": "no", "labels": labels, "storage_devices": disk(10, "standard"),
				"networking": map[string]any{"interfaces": map[string]any{"interface": []any{
					map[string]any{"type": "utility", "ip_addresses": ipv4}, map[string]any{"type": "private", "network": network, "ip_addresses": ipv4},
				}}},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := testOrder(t, c.machine, c.login).body()
			if err != nil {
				t.Fatal(err)
			}
			var have map[string]any
			if err := json.Unmarshal(body, &have); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]any{"server": c.want}, have); diff != "" {
				t.Errorf("(-want +have):\n%s", diff)
			}
		})
	}
}

// Nothing is sent that UpCloud's SDK could not send: an attribute that the API does
// not know is refused.
func TestOrderSendsKnownAttributes(t *testing.T) {
	known := map[string]bool{}
	for f := range reflect.TypeFor[request.CreateServerRequest]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[request.CreateServerRequest]().Field(f).Tag.Get("json"), ",")
		known[name] = true
	}
	body, err := testOrder(t, machine{Zone: "z", Cores: 1, MemoryMiB: 1024, Template: testTemplate, DiskGiB: 10, Tier: "maxiops"}, nil).body()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Server map[string]json.RawMessage }
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	for name := range doc.Server {
		if !known[name] {
			t.Errorf("%s is no attribute of the SDK's request", name)
		}
	}
}

// Titles are of the key alone and fit in every version of the API, as label keys do.
func TestTitles(t *testing.T) {
	own := ownKey{strings.Repeat("b", 63), strings.Repeat("k", 63)}
	for _, title := range []string{diskTitle(own), copyTitle(own)} {
		if len(title) > 64 {
			t.Errorf("%q has %d characters", title, len(title))
		}
	}
	if diskTitle(ownKey{"b", "k1"}) == diskTitle(ownKey{"b", "k2"}) || diskTitle(ownKey{"b", "k"}) == copyTitle(ownKey{"b", "k"}) {
		t.Error("two things have one title")
	}
	for _, key := range []string{labelName, labelUnfinished, labelAttachment + strings.Repeat("i", 20), sdk.LabelAllocation} {
		if len(key) > 32 {
			t.Errorf("label key %s has %d characters, at most 32 are allowed", key, len(key))
		}
	}
}
