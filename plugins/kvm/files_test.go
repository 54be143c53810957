package kvm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// The files of a host can be looked at where its libvirt is reached without a
// network, and where the user may.
func TestNearby(t *testing.T) {
	for uri, want := range map[string]bool{
		"qemu:///system": true, "qemu:///session": true, "qemu:///system?socket=/run/x": true, "qemu+unix:///system": true,
		"qemu+tcp://h/system": false, "qemu+ssh://root@localhost/system": false, "qemu+tls://127.0.0.1/system": false, "qemu://h/system": false,
		"qemu+ssh:///system": false, "test:///default": false, "%": false,
	} {
		if have := nearby(uri); have != want {
			t.Errorf("%s: %v", uri, have)
		}
	}
	far := Site{URI: "qemu+ssh://h/system", VolumeDirs: []string{"/srv"}}
	near := Site{URI: "qemu:///system", VolumeDirs: []string{"/nowhere"}}
	if far.takesFiles() || !strings.Contains(far.filesText(), "another machine") || !near.takesFiles() || near.filesText() != "/nowhere" {
		t.Errorf("far %v %q, near %v %q", far.takesFiles(), far.filesText(), near.takesFiles(), near.filesText())
	}
	if none := (&Site{URI: "qemu:///system"}); none.takesFiles() || none.filesText() != "" {
		t.Error("a host without volume_dirs takes files")
	}
	if os.Geteuid() == 0 {
		return // who may read everything
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	if near.VolumeDirs = []string{closed}; near.takesFiles() || !strings.Contains(near.filesText(), "may not read") {
		t.Errorf("%v, %q", near.takesFiles(), near.filesText())
	}
}

// A file of a host that is another machine is refused for good, with what to do.
func TestInspectFar(t *testing.T) {
	at := &place{Site: Site{Zone: "z", URI: "qemu+tcp://h/system", VolumeDirs: []string{"/srv"}}}
	l := link.Link{ID: "a-1", File: &link.File{Path: "/srv/v", Format: "raw"}}
	err := at.inspect(t.Context(), "attach volume", &l)
	if sdk.KindOf(err) != sdk.Denied || !strings.Contains(err.Error(), "another machine") || !strings.Contains(err.Error(), "a-1") {
		t.Errorf("%v", err)
	}
	if err := at.inspect(t.Context(), "attach volume", &link.Link{ISCSI: &link.ISCSI{}}); err != nil {
		t.Error(err)
	}
}
