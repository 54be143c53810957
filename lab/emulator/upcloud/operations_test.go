package upcloud_test

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// Every operation that is served can be called through the SDK, and the SDK
// decodes what it answers.
func TestTheSDKDecodesEveryOperation(t *testing.T) {
	c := start(t, upcloud.Options{})
	ctx := t.Context()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := c.GetAccount(ctx)
	must("get_account", err)
	_, err = c.GetAccountDetails(ctx, &request.GetAccountDetailsRequest{Username: "emulator"})
	must("get_account_details", err)
	_, err = c.GetAccountList(ctx)
	must("list_accounts", err)
	token, err := c.CreateToken(ctx, &request.CreateTokenRequest{Name: "a", ExpiresAt: time.Now().Add(time.Hour)})
	must("create_token", err)
	_, err = c.GetTokens(ctx, &request.GetTokensRequest{})
	must("list_tokens", err)
	_, err = c.GetTokenDetails(ctx, &request.GetTokenDetailsRequest{ID: token.ID})
	must("get_token", err)
	must("delete_token", c.DeleteToken(ctx, &request.DeleteTokenRequest{ID: token.ID}))
	_, err = c.GetPermissions(ctx, &request.GetPermissionsRequest{})
	must("list_permissions", err)
	sizes, err := c.GetServerConfigurations(ctx)
	must("list_server_sizes", err)
	if len(sizes.ServerConfigurations) != 20*128 {
		t.Errorf("%d sizes", len(sizes.ServerConfigurations))
	}
	_, err = c.GetPricesByZone(ctx)
	must("list_prices", err)
	_, err = c.GetZones(ctx)
	must("list_zones", err)
	_, err = c.GetPlans(ctx)
	must("list_plans", err)
	_, err = c.GetDevicesAvailability(ctx)
	must("list_devices", err)

	server, err := c.CreateServer(ctx, &request.CreateServerRequest{
		Zone: "fi-hel1", CoreNumber: 2, MemoryAmount: 4096, Title: "free", Hostname: "free.example.com", Firewall: "on", RemoteAccessEnabled: sdk.True,
		StorageDevices: request.CreateServerStorageDeviceSlice{{Action: "create", Title: "disk", Size: 10, Encrypted: sdk.True}},
	})
	must("create_server", err)
	if server.Plan != "custom" || server.CoreNumber != 2 || server.Firewall != "on" || server.RemoteAccessPort == 0 || !server.StorageDevices[0].Encrypted.Bool() {
		t.Errorf("%+v", server)
	}
	uuid := server.UUID
	_, err = c.GetServers(ctx)
	must("list_servers", err)
	_, err = c.GetServerDetails(ctx, &request.GetServerDetailsRequest{UUID: uuid})
	must("get_server", err)
	_, err = c.RestartServer(ctx, &request.RestartServerRequest{UUID: uuid, StopType: "soft", Timeout: time.Minute, TimeoutAction: "destroy"})
	must("restart_server", err)
	_ = state(t, c, uuid)
	_, err = c.StopServer(ctx, &request.StopServerRequest{UUID: uuid, StopType: "soft", Timeout: time.Minute})
	must("stop_server", err)
	_ = state(t, c, uuid)
	changed, err := c.ModifyServer(ctx, &request.ModifyServerRequest{UUID: uuid, Plan: "PREMIUM-1xCPU-1GB", Title: "planned", Metadata: sdk.True})
	must("modify_server", err)
	if changed.Plan != "PREMIUM-1xCPU-1GB" || changed.CoreNumber != 1 || changed.Title != "planned" || !changed.Metadata.Bool() {
		t.Errorf("%+v", changed)
	}

	disk := newStorage(t, c, "fi-hel1")
	_, err = c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: uuid, StorageUUID: disk.UUID, Address: "scsi"})
	must("attach_storage", err)
	_, err = c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: uuid, Type: "cdrom"})
	must("attach_storage of a drive", err)
	cds, err := c.GetStorages(ctx, &request.GetStoragesRequest{Type: "cdrom"})
	must("list_storages", err)
	_, err = c.LoadCDROM(ctx, &request.LoadCDROMRequest{ServerUUID: uuid, StorageUUID: cds.Storages[0].UUID})
	must("load_cdrom", err)
	_, err = c.EjectCDROM(ctx, &request.EjectCDROMRequest{ServerUUID: uuid})
	must("eject_cdrom", err)
	_, err = c.DetachStorage(ctx, &request.DetachStorageRequest{ServerUUID: uuid, Address: "scsi:0:0"})
	must("detach_storage", err)
	_, err = c.GetStorageDetails(ctx, &request.GetStorageDetailsRequest{UUID: disk.UUID})
	must("get_storage", err)
	_, err = c.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: disk.UUID, Size: 11, BackupRule: &sdk.BackupRule{Interval: "daily", Time: "0430", Retention: 30}})
	must("modify_storage", err)
	_, err = c.ResizeStorageFilesystem(ctx, &request.ResizeStorageFilesystemRequest{UUID: disk.UUID})
	must("resize_filesystem", err)
	_, err = c.CloneStorage(ctx, &request.CloneStorageRequest{UUID: disk.UUID, Zone: "fi-hel1", Title: "copy"})
	must("clone_storage", err)
	_, err = c.TemplatizeStorage(ctx, &request.TemplatizeStorageRequest{UUID: disk.UUID, Title: "golden"})
	must("templatize_storage", err)
	backup, err := c.CreateBackup(ctx, &request.CreateBackupRequest{UUID: disk.UUID, Title: "backup"})
	must("create_backup", err)
	must("restore_backup", c.RestoreBackup(ctx, &request.RestoreBackupRequest{UUID: backup.UUID}))
	_, err = c.CreateStorageImport(ctx, &request.CreateStorageImportRequest{
		StorageUUID: disk.UUID, Source: request.StorageImportSourceDirectUpload, SourceLocation: strings.NewReader("x"),
	})
	must("create_import", err)
	_, err = c.GetStorageImportDetails(ctx, &request.GetStorageImportDetailsRequest{UUID: disk.UUID})
	must("get_import", err)
	must("delete_storage", c.DeleteStorage(ctx, &request.DeleteStorageRequest{UUID: disk.UUID}))

	network, err := c.CreateNetwork(ctx, &request.CreateNetworkRequest{Name: "n", Zone: "fi-hel1", IPNetworks: sdk.IPNetworkSlice{{Address: "10.9.0.0/24", DHCP: sdk.True, Family: "IPv4"}}})
	must("create_network", err)
	_, err = c.GetNetworks(ctx)
	must("list_networks", err)
	_, err = c.GetNetworkDetails(ctx, &request.GetNetworkDetailsRequest{UUID: network.UUID})
	must("get_network", err)
	_, err = c.ModifyNetwork(ctx, &request.ModifyNetworkRequest{UUID: network.UUID, Name: "m"})
	must("modify_network", err)
	nic, err := c.CreateNetworkInterface(ctx, &request.CreateNetworkInterfaceRequest{
		ServerUUID: uuid, Type: "private", NetworkUUID: network.UUID, IPAddresses: request.CreateNetworkInterfaceIPAddressSlice{{Family: "IPv4"}},
	})
	must("create_interface", err)
	_, err = c.GetServerNetworks(ctx, &request.GetServerNetworksRequest{ServerUUID: uuid})
	must("get_networking", err)
	_, err = c.ModifyNetworkInterface(ctx, &request.ModifyNetworkInterfaceRequest{ServerUUID: uuid, CurrentIndex: nic.Index, NewIndex: 9})
	must("modify_interface", err)
	must("delete_interface", c.DeleteNetworkInterface(ctx, &request.DeleteNetworkInterfaceRequest{ServerUUID: uuid, Index: 9}))
	must("delete_network", c.DeleteNetwork(ctx, &request.DeleteNetworkRequest{UUID: network.UUID}))
	address, err := c.AssignIPAddress(ctx, &request.AssignIPAddressRequest{Access: "public", Family: "IPv4", ServerUUID: uuid})
	must("create_address", err)
	_, err = c.GetIPAddresses(ctx)
	must("list_addresses", err)
	_, err = c.GetIPAddressDetails(ctx, &request.GetIPAddressDetailsRequest{Address: address.Address})
	must("get_address", err)
	_, err = c.ModifyIPAddress(ctx, &request.ModifyIPAddressRequest{IPAddress: address.Address, PTRRecord: "a.example.com"})
	must("modify_address", err)
	must("delete_address", c.ReleaseIPAddress(ctx, &request.ReleaseIPAddressRequest{IPAddress: address.Address}))

	_, err = c.StartServer(ctx, &request.StartServerRequest{UUID: uuid})
	must("start_server", err)
	stop(t, c, uuid, "hard", 0)
	must("delete_server", c.DeleteServer(ctx, &request.DeleteServerRequest{UUID: uuid}))

	asked := c.Stats().Requests
	for _, op := range upcloud.Operations() {
		if asked[op] == 0 {
			t.Errorf("%s was not called", op)
		}
	}
}
