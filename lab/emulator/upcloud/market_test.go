package upcloud_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// The price list says where a plan is sold: there it can be had, elsewhere not.
func TestPlansAreSoldWhereTheyHaveAPrice(t *testing.T) {
	account := wide()
	account.Limits.GPUs = 1e6
	c := start(t, upcloud.Options{Account: account})
	plans, err := c.GetPlans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	prices, err := c.GetPricesByZone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	zones, err := c.GetZones(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	family := map[string]string{}
	for _, p := range upcloud.Plans() {
		family[p.Name] = p.Family
	}
	gaps := 0
	for _, z := range zones.Zones {
		tried := map[string]bool{}
		for _, p := range plans.Plans {
			price, sold := (*prices)[z.ID]["server_plan_"+p.Name]
			if sold && (price.Amount != 1 || (price.Price == 0) == z.Public.Bool()) {
				t.Errorf("%s in %s: %+v", p.Name, z.ID, price)
			}
			if !sold {
				gaps++
			}
			kind := family[p.Name] + strconv.FormatBool(sold)
			if tried[kind] {
				continue // one of a kind is enough
			}
			tried[kind] = true
			if p.GPUAmount > 0 {
				c.SetStock(z.ID, p.Name, -1)
			}
			_, err := c.CreateServer(t.Context(), wanted(z.ID, p.Name))
			if sold != (err == nil) {
				t.Errorf("%s in %s: sold %v, but %v", p.Name, z.ID, sold, err)
			}
		}
	}
	if gaps == 0 || len(plans.Plans) < 90 || len(zones.Zones) != 16 {
		t.Errorf("%d gaps, %d plans, %d zones", gaps, len(plans.Plans), len(zones.Zones))
	}
}

// What the SDK drops is there for who decodes it.
func TestFieldsThatTheSDKDrops(t *testing.T) {
	account := upcloud.DefaultAccount()
	account.Currency = "USD"
	c := start(t, upcloud.Options{Account: &account})
	_, text := call(t, c, http.MethodGet, "/1.3/price", "")
	var prices struct {
		Prices struct{ Currency string }
	}
	if err := json.Unmarshal([]byte(text), &prices); err != nil || prices.Prices.Currency != "USD" {
		t.Errorf("currency %q, %v", prices.Prices.Currency, err)
	}
	_, text = call(t, c, http.MethodGet, "/1.3/plan", "")
	for _, want := range []string{`"current_offering":"no","family":"developer"`, `"current_offering":"yes","family":"cloud_native"`, `"storage_size":0,"storage_tier":null`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	d, err := c.GetAccountDetails(t.Context(), &request.GetAccountDetailsRequest{Username: "emulator"})
	if err != nil || d.Currency != "USD" || string(d.Type) != "main" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestTemplatesAreFoundByListing(t *testing.T) {
	c := start(t, upcloud.Options{})
	list, err := c.GetStorages(t.Context(), &request.GetStoragesRequest{Access: "public", Type: "template"})
	if err != nil {
		t.Fatal(err)
	}
	brands := map[string]bool{}
	for _, s := range list.Storages {
		if s.Type != "template" || s.Access != "public" || s.State != "online" || s.Zone != "" {
			t.Errorf("%+v", s)
		}
		if s.TemplateType == "cloud-init" {
			brands[strings.Fields(s.Title)[0]] = true
		}
	}
	for _, brand := range []string{"Ubuntu", "Debian", "AlmaLinux", "Rocky", "Fedora"} {
		if !brands[brand] {
			t.Errorf("no cloud-init template of %s", brand)
		}
	}
}

// Cloud-init templates need the metadata service, whose switch is a word.
func TestMetadata(t *testing.T) {
	c := start(t, upcloud.Options{})
	body := func(metadata string) string {
		return `{"server":{"zone":"fi-hel1","title":"a","hostname":"a","plan":"STARTER-1xCPU-1GB","metadata":` + metadata +
			`,"storage_devices":{"storage_device":[{"action":"clone","storage":"` + ubuntu + `","title":"a"}]}}}`
	}
	for metadata, want := range map[string]string{`"yes"`: "202 ", `"no"`: "409 METADATA_DISABLED_ON_CLOUD-INIT", `true`: "400 METADATA_INVALID", `null`: "409 METADATA_DISABLED_ON_CLOUD-INIT"} {
		status, text := call(t, c, http.MethodPost, "/1.3/server", body(metadata))
		code, rest, _ := strings.Cut(want, " ")
		if decimal(status) != code || !strings.Contains(text, rest) {
			t.Errorf("metadata %s: %d %s, want %s", metadata, status, text, want)
		}
	}
}

func TestUserDataIsKept(t *testing.T) {
	c := start(t, upcloud.Options{})
	r := wanted("fi-hel1", "STARTER-1xCPU-1GB")
	r.UserData, r.LoginUser = "#!/bin/sh\necho <&>", &request.LoginUser{Username: "meson", CreatePassword: "no", SSHKeys: request.SSHKeySlice{"ssh-ed25519 AAAA"}}
	d, err := c.CreateServer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if text, user, keys := c.UserData(d.UUID); text != r.UserData || user != "meson" || len(keys) != 1 || keys[0] != "ssh-ed25519 AAAA" {
		t.Errorf("%q %q %q", text, user, keys)
	}
}
