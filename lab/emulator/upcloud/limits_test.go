package upcloud_test

import (
	"os"
	"reflect"
	"testing"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Each limit is counted: what fits is taken, the next is refused with the
// limit's code, and leaves nothing behind.
func TestLimitsAreCounted(t *testing.T) {
	disk := func(tier string, gib int) func(*request.CreateServerRequest) {
		return func(r *request.CreateServerRequest) {
			r.StorageDevices = append(r.StorageDevices, request.CreateServerStorageDevice{Action: "create", Title: "data", Tier: tier, Size: gib})
		}
	}
	addresses := func(family string, n int) func(*request.CreateServerRequest) {
		return func(r *request.CreateServerRequest) {
			r.Networking = &request.CreateServerNetworking{}
			for range n {
				r.Networking.Interfaces = append(r.Networking.Interfaces, request.CreateServerInterface{
					Type: "public", IPAddresses: request.CreateServerIPAddressSlice{{Family: family}},
				})
			}
		}
	}
	for _, one := range []struct {
		name   string
		limit  func(*upcloud.Account)
		plan   string
		change func(*request.CreateServerRequest)
		fits   int
		status int
		code   string
	}{
		{"cores", func(a *upcloud.Account) { a.Limits.Cores = 4 }, "STARTER-2xCPU-2GB", nil, 2, 403, "SERVER_CORE_LIMIT_REACHED"},
		{"memory", func(a *upcloud.Account) { a.Limits.Memory = 3 * 1024 }, "STARTER-1xCPU-1GB", nil, 3, 403, "SERVER_MEMORY_LIMIT_REACHED"},
		{"IPv4", func(a *upcloud.Account) { a.Limits.PublicIPv4 = 2 }, "STARTER-1xCPU-1GB", nil, 2, 403, "IP_ADDRESS_LIMIT_REACHED"},
		{"IPv6", func(a *upcloud.Account) { a.Limits.PublicIPv6 = 1 }, "STARTER-1xCPU-1GB", nil, 1, 403, "IP_ADDRESS_LIMIT_REACHED"},
		{"MaxIOPS", func(a *upcloud.Account) { a.Limits.StorageMaxIOPS = 100 }, "STARTER-1xCPU-1GB", disk("maxiops", 50), 2, 403, "MAXIOPS_STORAGE_LIMIT_REACHED"},
		{"Standard", func(a *upcloud.Account) { a.Limits.StorageStandard = 20 }, "STARTER-1xCPU-1GB", nil, 2, 403, "STANDARD_STORAGE_LIMIT_REACHED"},
		{"HDD", func(a *upcloud.Account) { a.Limits.StorageHDD = 99 }, "STARTER-1xCPU-1GB", disk("hdd", 50), 1, 403, "HDD_STORAGE_LIMIT_REACHED"},
		{"GPUs", func(a *upcloud.Account) { a.Limits.GPUs = 1 }, "GPU-8xCPU-64GB-1xL4", nil, 1, 403, "GPU_LIMIT_REACHED"},
		{"trial", func(a *upcloud.Account) { a.Trial = true }, "GPU-8xCPU-64GB-1xL4", nil, 0, 403, "TRIAL_PLAN"},
		{"trial, free size", func(a *upcloud.Account) { a.Trial = true }, "", nil, 0, 403, "TRIAL_PLAN"},
		{"creating", func(a *upcloud.Account) { a.Creating = 2 }, "STARTER-1xCPU-1GB", nil, 2, 403, "SERVER_CREATING_LIMIT_REACHED"},
		{"addresses of a server", nil, "STARTER-1xCPU-1GB", addresses("IPv4", 6), 0, 403, "SERVER_IP_LIMIT_REACHED"},
		{"no credits", func(a *upcloud.Account) { a.Credits = 0 }, "STARTER-1xCPU-1GB", nil, 0, 402, "INSUFFICIENT_CREDITS"},
		// 3 servers of 0.4464 cents per hour are 1.3392.
		// 1.12 for the core, 0.56 for the memory, 0.118 for the disk, 0.4812 for the address.
		{"credits for a free size", func(a *upcloud.Account) { a.Credits = 2.2792 }, "", nil, 1, 402, "INSUFFICIENT_CREDITS"},
		{"credits short of a free size", func(a *upcloud.Account) { a.Credits = 2.2791 }, "", nil, 0, 402, "INSUFFICIENT_CREDITS"},
		{"credits for an hour of three", func(a *upcloud.Account) { a.Credits = 1.34 }, "STARTER-1xCPU-1GB", nil, 3, 402, "INSUFFICIENT_CREDITS"},
	} {
		t.Run(one.name, func(t *testing.T) {
			account := upcloud.DefaultAccount()
			if one.limit != nil {
				one.limit(&account)
			}
			c := start(t, upcloud.Options{Clock: manual(), Account: &account})
			make := func() error {
				r := wanted("fi-hel2", one.plan)
				if one.change != nil {
					one.change(r)
				}
				_, err := c.CreateServer(t.Context(), r)
				return err
			}
			for i := range one.fits {
				if err := make(); err != nil {
					t.Fatalf("number %d: %v", i+1, err)
				}
			}
			before := c.Stats()
			if p := problem(t, make()); p.Status != one.status || p.ErrorCode() != one.code {
				t.Errorf("%d %s, want %d %s", p.Status, p.ErrorCode(), one.status, one.code)
			}
			after := c.Stats()
			before.Requests, after.Requests = nil, nil
			if !reflect.DeepEqual(before, after) {
				t.Errorf("what was refused left something:\n%+v\n%+v", before, after)
			}
		})
	}
}

// A limit that was reached is free again once what used it is gone.
func TestLimitsAreGivenBack(t *testing.T) {
	account := upcloud.DefaultAccount()
	account.Limits.Cores, account.Creating = 1, 1
	c := start(t, upcloud.Options{Account: &account})
	for range 3 {
		uuid := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
		stop(t, c, uuid, "hard", 0)
		if err := c.DeleteServerAndStorages(t.Context(), &request.DeleteServerAndStoragesRequest{UUID: uuid}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStockRunsOutAndComesBack(t *testing.T) {
	c := start(t, upcloud.Options{})
	const plan = "STARTER-1xCPU-1GB"
	c.SetStock("fi-hel1", plan, 1)
	uuid := create(t, c, "fi-hel1", plan).UUID
	refused := func(when string, err error) {
		t.Helper()
		if p := problem(t, err); p.Status != 409 || p.ErrorCode() != "SERVER_RESOURCES_UNAVAILABLE" {
			t.Errorf("%s: %v", when, err)
		}
	}
	_, err := c.CreateServer(t.Context(), wanted("fi-hel1", plan))
	refused("sold out", err)
	create(t, c, "fi-hel2", plan)
	create(t, c, "fi-hel1", "STARTER-1xCPU-2GB")
	_ = state(t, c, uuid)
	stop(t, c, uuid, "hard", 0)
	other := create(t, c, "fi-hel1", plan).UUID
	_, err = c.StartServer(t.Context(), &request.StartServerRequest{UUID: uuid})
	refused("a stopped server holds nothing", err)
	stop(t, c, other, "hard", 0)
	if _, err := c.StartServer(t.Context(), &request.StartServerRequest{UUID: uuid}); err != nil {
		t.Errorf("after another has stopped: %v", err)
	}
	c.SetStock("fi-hel1", plan, -1)
	for range 5 {
		create(t, c, "fi-hel1", plan)
	}
}

func TestGPUStockIsTold(t *testing.T) {
	c := start(t, upcloud.Options{})
	amount := func() int {
		d, err := c.GetDevicesAvailability(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return (*d)["fi-hel2"].GPUPlans["GPU-8xCPU-64GB-1xL40S"].Amount
	}
	before := amount()
	create(t, c, "fi-hel2", "GPU-8xCPU-64GB-1xL40S")
	if got := amount(); before < 1 || got != before-1 {
		t.Errorf("from %d to %d", before, got)
	}
}
