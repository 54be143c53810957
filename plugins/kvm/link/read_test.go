package link

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const hush = "hush-hush-hush"

func iscsi(change func(*pb.IscsiConnection)) *pb.Attachment {
	c := &pb.IscsiConnection{
		Portals: []string{"10.0.0.5:3261", "[fd00::5]"}, TargetIqn: "iqn.2026-01.dev.meson:v.7", Lun: 1,
		ChapUser: "u", ChapPassword: []byte(hush),
	}
	if change != nil {
		change(c)
	}
	return &pb.Attachment{Id: "a1-1-0", VolumeId: "v", Name: "data", Connection: &pb.Connection{Path: &pb.Connection_Iscsi{Iscsi: c}}}
}

func nbd(uri string) *pb.Attachment {
	return &pb.Attachment{Id: "a1-1-0", Connection: &pb.Connection{Path: &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: uri}}}}
}

func nfs(server, export string) *pb.Attachment {
	return &pb.Attachment{Id: "a1-1-0", Name: "share", Connection: &pb.Connection{Path: &pb.Connection_Nfs{Nfs: &pb.NfsConnection{Server: server, Export: export}}}}
}

func file(path, format string) *pb.Attachment {
	return &pb.Attachment{Id: "a1-1-0", Connection: &pb.Connection{Path: &pb.Connection_File{File: &pb.FileConnection{Host: "H", File: path, Format: format}}}}
}

func TestRead(t *testing.T) {
	host := Host{UUID: "h", Initiator: "iqn.2026-01.dev.meson:host-h", Dirs: []string{"/vault", "/run/vault"}}
	for name, c := range map[string]struct {
		a    *pb.Attachment
		want Link
	}{
		"iscsi": {iscsi(nil), Link{ID: "a1-1-0", Volume: "v", Name: "data", ISCSI: &ISCSI{
			Portals: []Portal{{"10.0.0.5", "3261"}, {"fd00::5", "3260"}}, Target: "iqn.2026-01.dev.meson:v.7", LUN: 1,
			Initiator: "iqn.2026-01.dev.meson:host-h", User: "u", Password: sdk.NewSecret(hush),
		}}},
		"iscsi by an initiator of its own": {iscsi(func(c *pb.IscsiConnection) {
			c.InitiatorIqn, c.Portals, c.ChapUser, c.ChapPassword = "iqn.2020-01.x:i", []string{"san"}, "", nil
		}), Link{ID: "a1-1-0", Volume: "v", Name: "data", ISCSI: &ISCSI{
			Portals: []Portal{{"san", "3260"}}, Target: "iqn.2026-01.dev.meson:v.7", LUN: 1, Initiator: "iqn.2020-01.x:i",
		}}},
		"file":       {file("/vault/x & y's.elimg/data.img", "qcow2"), Link{ID: "a1-1-0", File: &File{Path: "/vault/x & y's.elimg/data.img", Format: "qcow2"}}},
		"nbd":        {nbd("nbd://10.0.0.5/some%20vol"), Link{ID: "a1-1-0", NBD: &NBD{Host: "10.0.0.5", Port: "10809", Export: "some vol"}}},
		"nbd socket": {nbd("nbd+unix:///vol?socket=/run/vault/v.sock"), Link{ID: "a1-1-0", NBD: &NBD{Socket: "/run/vault/v.sock", Export: "vol"}}},
		"nfs":        {nfs("10.0.0.5:2049", "/share"), Link{ID: "a1-1-0", Name: "share", NFS: &NFS{"10.0.0.5", "2049", "/share", "4.2"}}},
	} {
		have, err := Read("attach volume", c.a, host)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(c.want, have, cmp.AllowUnexported(sdk.Secret{})); d != "" {
			t.Errorf("%s (-want +have):\n%s", name, d)
		}
	}
}

// Every fault is named at once, by its place, and no password among them.
func TestReadFaults(t *testing.T) {
	two := iscsi(nil)
	two.Id = "Not An Id"
	for name, c := range map[string]struct {
		a     *pb.Attachment
		paths string
	}{
		"everything": {iscsi(func(c *pb.IscsiConnection) {
			c.Portals, c.TargetIqn, c.InitiatorIqn, c.Lun, c.ChapUser = []string{"x:y:z", "h:99x"}, "'", "iqn.", 1<<20, ""
		}), "portals[0] portals[1] target_iqn initiator_iqn lun chap_user"},
		"no portal":       {iscsi(func(c *pb.IscsiConnection) { c.Portals = nil }), "portals"},
		"a long password": {iscsi(func(c *pb.IscsiConnection) { c.ChapPassword = []byte(strings.Repeat(hush, 30)) }), "chap_user"},
		"a user of lines": {iscsi(func(c *pb.IscsiConnection) { c.ChapUser = "a\nb" }), "chap_user"},
		"id":              {two, "id"},
		"no format":       {file("/vault/x", ""), "format"},
		"another format":  {file("/vault/x", "vmdk"), "format"},
		"http":            {nbd("http://x/y"), "uri"},
		"no server":       {nbd("nbd:///y"), "uri"},
		"a password":      {nbd("nbd://u:" + hush + "@h/y"), "uri"},
		"relative socket": {nbd("nbd+unix:///v?socket=s"), "uri"},
		"name of server":  {nfs("vault:2049", "/x"), "server"},
		"quotes":          {nfs("10.0.0.5:2049", "/x'; reboot"), "export"},
		"no name":         {&pb.Attachment{Id: "a", Boot: true, Connection: nfs("10.0.0.5", "/x").Connection}, "name boot"},
	} {
		host := Host{UUID: "h", Dirs: []string{"/vault"}}
		_, err := Read("attach volume", c.a, host)
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Kind != sdk.Invalid {
			t.Errorf("%s: %v, want Invalid", name, err)
			continue
		}
		var paths []string
		for _, f := range e.Faults {
			paths = append(paths, f.Path[strings.LastIndexByte(f.Path, '.')+1:])
		}
		if have := strings.Join(paths, " "); have != c.paths {
			t.Errorf("%s: faults at %s, want %s", name, have, c.paths)
		}
		if text := fmt.Sprintf("%v %+v", err, e); strings.Contains(text, hush) {
			t.Errorf("%s: the password is told: %s", name, text)
		}
	}
}

// What no machine of this plugin can do is refused by kind, and by name.
func TestReadUnsupported(t *testing.T) {
	for name, path := range map[string]*pb.Connection{
		"rbd":      {Path: &pb.Connection_Rbd{Rbd: &pb.RbdConnection{Image: "x"}}},
		"native":   {Path: &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: "x"}}},
		"nbds":     {Path: &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbds://h/x"}}},
		"nbd, psk": {Path: &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd://h/x", TlsPsk: []byte("x")}}},
		"nothing":  {},
	} {
		_, err := ReadAll("create machine", []*pb.Attachment{iscsi(nil), {Id: "b", Connection: path}}, Host{})
		if sdk.KindOf(err) != sdk.Unsupported || !strings.Contains(err.Error(), "attachment b") {
			t.Errorf("%s: %v, want Unsupported", name, err)
		}
	}
}

func TestReadAllTogether(t *testing.T) {
	boot, again := iscsi(nil), iscsi(nil)
	boot.Boot, again.Boot, again.Id = true, true, "b"
	_, err := ReadAll("create machine", []*pb.Attachment{boot, again}, Host{})
	if sdk.KindOf(err) != sdk.Invalid || !strings.Contains(err.Error(), "attachments[1].boot") {
		t.Errorf("two to boot from: %v", err)
	}
	share, other := nfs("10.0.0.5:2049", "/x"), nfs("10.0.0.5:2049", "/y")
	other.Id = "b"
	_, err = ReadAll("create machine", []*pb.Attachment{share, other}, Host{})
	if sdk.KindOf(err) != sdk.Invalid || !strings.Contains(err.Error(), "attachments[1].name") {
		t.Errorf("two mounts at one place: %v", err)
	}
}

// No attachment, however odd, is understood as something that reads back as another.
func FuzzRead(f *testing.F) {
	f.Add("10.0.0.5:3260", "iqn.2026-01.dev.meson:v", "/vault/x", "nbd://h/x", "/share")
	f.Add("[::1]:1", "eui.0", "/vault/a&b<'\">", "nbd+unix:///v?socket=/vault/s", "/")
	f.Add("", "", "/vault/../etc/shadow", "nbd+unix:///v?socket=/vault/../run/s", "")
	f.Fuzz(func(t *testing.T, portal, target, path, uri, export string) {
		for _, a := range []*pb.Attachment{
			iscsi(func(c *pb.IscsiConnection) { c.Portals, c.TargetIqn, c.InitiatorIqn = []string{portal}, target, target }),
			{Id: "a", Connection: &pb.Connection{Path: &pb.Connection_File{File: &pb.FileConnection{Host: "h", File: path, Format: "raw"}}}},
			nbd(uri), nfs(portal, export),
		} {
			l, err := Read("attach volume", a, Host{UUID: "h", Dirs: []string{"/vault"}})
			if err != nil || !l.IsDisk() {
				continue
			}
			opened := l.Path()
			if l.NBD != nil {
				opened = l.NBD.Socket
			}
			if opened != "" && !strings.HasPrefix(filepath.Clean(opened), "/vault/") {
				t.Errorf("%v opens %q", a, opened)
			}
			doc, err := l.Disk(Place{Machine: "6d65736f-6e00-5000-8000-00000000cafe", Target: "vdc"})
			if err != nil {
				t.Fatal(err)
			}
			d := diskOf(t, doc)
			if !l.Is(&d) {
				t.Errorf("%v becomes\n%s\nwhich is another", a, doc)
			}
		}
	})
}
