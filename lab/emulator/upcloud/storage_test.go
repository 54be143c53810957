package upcloud_test

import (
	"testing"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func newStorage(t *testing.T, c *cloud, zone string) *sdk.StorageDetails {
	t.Helper()
	d, err := c.CreateStorage(t.Context(), &request.CreateStorageRequest{
		Size: 10, Tier: "maxiops", Title: "data", Zone: zone, Labels: []sdk.Label{{Key: "meson-key", Value: "v1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func storageState(t *testing.T, c *cloud, uuid string) string {
	t.Helper()
	d, err := c.GetStorageDetails(t.Context(), &request.GetStorageDetailsRequest{UUID: uuid})
	if err != nil {
		t.Fatal(err)
	}
	return d.State
}

func TestStorageLivesAndDies(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	ctx := t.Context()
	d := newStorage(t, c, "fi-hel1")
	if d.State != "online" || d.Size != 10 || len(d.Labels) != 1 {
		t.Errorf("%+v", d)
	}
	if d, err := c.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: d.UUID, Title: "more", Size: 20}); err != nil || d.Size != 20 || d.Title != "more" || len(d.Labels) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := c.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: d.UUID, Size: 10}); problem(t, err).Status != 400 {
		t.Errorf("made smaller: %v", err)
	}
	backup, err := c.CreateBackup(ctx, &request.CreateBackupRequest{UUID: d.UUID, Title: "before"})
	if err != nil || backup.Type != "backup" || backup.Origin != d.UUID || backup.State != "maintenance" {
		t.Fatalf("%+v, %v", backup, err)
	}
	if got := storageState(t, c, d.UUID); got != "backuping" {
		t.Errorf("while it is backed up: %s", got)
	}
	for c.Next() {
	}
	if err := c.RestoreBackup(ctx, &request.RestoreBackupRequest{UUID: backup.UUID}); err != nil {
		t.Fatal(err)
	}
	if got := storageState(t, c, d.UUID); got != "maintenance" {
		t.Errorf("while it is restored: %s", got)
	}
	for c.Next() {
	}
	clone, err := c.CloneStorage(ctx, &request.CloneStorageRequest{UUID: d.UUID, Zone: "de-fra1", Title: "copy"})
	if err != nil || clone.Zone != "de-fra1" || clone.Size != 20 {
		t.Fatalf("%+v, %v", clone, err)
	}
	if got := storageState(t, c, d.UUID); got != "cloning" {
		t.Errorf("while it is cloned: %s", got)
	}
	for c.Next() {
	}
	template, err := c.TemplatizeStorage(ctx, &request.TemplatizeStorageRequest{UUID: d.UUID, Title: "golden"})
	if err != nil || template.Type != "template" {
		t.Fatalf("%+v, %v", template, err)
	}
	for c.Next() {
	}
	private, err := c.GetStorages(ctx, &request.GetStoragesRequest{Access: "private", Type: "template"})
	if err != nil || len(private.Storages) != 1 || private.Storages[0].UUID != template.UUID {
		t.Errorf("%+v, %v", private, err)
	}
	if st := c.Stats(); st.Storages != 2 || st.Backups != 1 || st.Templates != 1 || len(st.Charges) != 4 {
		t.Errorf("%+v", st)
	}
	for _, uuid := range []string{clone.UUID, template.UUID} {
		if err := c.DeleteStorage(ctx, &request.DeleteStorageRequest{UUID: uuid}); err != nil {
			t.Error(err)
		}
	}
	if err := c.DeleteStorage(ctx, &request.DeleteStorageRequest{UUID: d.UUID, Backups: "delete"}); err != nil {
		t.Error(err)
	}
	if st := c.Stats(); st.Storages+st.Backups+st.Templates+len(st.Charges) != 0 {
		t.Errorf("left: %+v", st)
	}
}

func TestBackupsOutliveTheirDisk(t *testing.T) {
	for policy, left := range map[request.DeleteStorageBackupsMode]int{"": 2, "keep": 2, "keep_latest": 1, "delete": 0} {
		c := start(t, upcloud.Options{})
		d := newStorage(t, c, "fi-hel1")
		var last string
		for _, title := range []string{"1", "2"} {
			b, err := c.CreateBackup(t.Context(), &request.CreateBackupRequest{UUID: d.UUID, Title: title})
			if err != nil {
				t.Fatal(err)
			}
			last = b.UUID
		}
		if err := c.DeleteStorage(t.Context(), &request.DeleteStorageRequest{UUID: d.UUID, Backups: policy}); err != nil {
			t.Fatal(err)
		}
		if got := c.Stats().Backups; got != left {
			t.Errorf("backups=%s leaves %d, want %d", policy, got, left)
		}
		if left > 0 && storageState(t, c, last) != "online" {
			t.Errorf("backups=%s removes the latest", policy)
		}
	}
}

func TestAttachAndDetach(t *testing.T) {
	c := start(t, upcloud.Options{})
	ctx := t.Context()
	server := create(t, c, "fi-hel1", "STARTER-1xCPU-1GB").UUID
	_ = state(t, c, server)
	d, far := newStorage(t, c, "fi-hel1"), newStorage(t, c, "de-fra1")
	got, err := c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: server, StorageUUID: d.UUID})
	if err != nil || len(got.StorageDevices) != 2 || got.StorageDevices[1].UUID != d.UUID || got.StorageDevices[1].Address != "virtio:1" {
		t.Fatalf("%+v, %v", got, err)
	}
	refuse := func(what string, err error, code string) {
		t.Helper()
		if p := problem(t, err); p.Status != 409 || p.ErrorCode() != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	_, err = c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: server, StorageUUID: d.UUID})
	refuse("twice", err, "STORAGE_ATTACHED_AS_DISK")
	_, err = c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: server, StorageUUID: far.UUID})
	refuse("from another zone", err, "ZONE_MISMATCH")
	_, err = c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: server, StorageUUID: far.UUID, Address: "virtio:0"})
	refuse("to a slot in use", err, "DEVICE_ADDRESS_IN_USE")
	_, err = c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: server, Type: "cdrom"})
	refuse("a drive to a running server", err, "CDROM_HOTPLUG_UNSUPPORTED")
	_, err = c.AttachStorage(ctx, &request.AttachStorageRequest{ServerUUID: server, StorageUUID: ubuntu})
	refuse("a template", err, "STORAGE_TYPE_ILLEGAL")
	refuse("deleted while attached", c.DeleteStorage(ctx, &request.DeleteStorageRequest{UUID: d.UUID}), "STORAGE_ATTACHED")
	_, err = c.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: d.UUID, Size: 20})
	refuse("grown while in use", err, "SERVER_STATE_ILLEGAL")
	if _, err := c.DetachStorage(ctx, &request.DetachStorageRequest{ServerUUID: server, Address: "virtio:1"}); err != nil {
		t.Error(err)
	}
	_, err = c.DetachStorage(ctx, &request.DetachStorageRequest{ServerUUID: server, Address: "virtio:1"})
	refuse("detached twice", err, "DEVICE_ADDRESS_NOT_IN_USE")
	if err := c.DeleteStorage(ctx, &request.DeleteStorageRequest{UUID: d.UUID}); err != nil {
		t.Error(err)
	}
	if _, err := c.ModifyStorage(ctx, &request.ModifyStorageRequest{UUID: ubuntu, Title: "mine"}); problem(t, err).Status != 403 {
		t.Errorf("a public template is changed: %v", err)
	}
}
