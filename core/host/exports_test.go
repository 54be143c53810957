package host

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	thisHost = "9f1c0000-0000-4000-8000-000000000001"
	thisIQN  = "iqn.2026-01.dev.meson:host-1"
)

func exportRequest() core.ExportRequest {
	return core.ExportRequest{
		Attachment: "x-1", Owner: volumeOwner("k1"), VolumeID: "vol-1",
		From: core.Consumer{Kinds: []core.ConnectionKind{
			core.ConnectFile, core.ConnectISCSI, core.ConnectNBD, core.ConnectNFS, core.ConnectRBD, core.ConnectNative,
		}, Host: thisHost, InitiatorIQN: thisIQN},
	}
}

// Export answers with the connection that the provider's name asks for, as
// goodConnections has it, or "kind: what" with a fault.
func (r *rogueStorage) Export(_ context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	disaster(req.GetProvider())
	kind, what, bad := strings.Cut(req.GetProvider(), ": ")
	c := goodConnections()[kind]
	if bad {
		badConnections()[kind][what](c)
	}
	switch {
	case kind == "writable", kind == "read only":
		c = goodConnections()["native"]
		c.ReadOnly = kind == "read only"
	case c != nil:
		c.ReadOnly = req.GetReadOnly()
	}
	return &pb.ExportResponse{Connection: c, Epoch: 3}, nil
}

// Unexport succeeds, unless something happens.
func (r *rogueStorage) Unexport(_ context.Context, req *pb.UnexportRequest) (*pb.UnexportResponse, error) {
	disaster(req.GetProvider())
	return &pb.UnexportResponse{}, nil
}

func goodConnections() map[string]*pb.Connection {
	return map[string]*pb.Connection{
		"file": {Path: &pb.Connection_File{File: &pb.FileConnection{Host: thisHost, File: "/srv/vault/my volume/data.img", Format: "raw"}}},
		"iscsi": {Path: &pb.Connection_Iscsi{Iscsi: &pb.IscsiConnection{
			Portals: []string{"10.0.0.1:3260", "[2001:db8::1]:3260", "store1.lan:3261"}, TargetIqn: "iqn.2026-01.dev.meson:vol-1:e3", Lun: 1,
			InitiatorIqn: thisIQN, ChapUser: "x-1", ChapPassword: []byte("hunter2hunter2"),
		}}},
		"nbd":      {Path: &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd://store1.lan:10809/vol-1"}}},
		"nbd+unix": {Path: &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd+unix:///vol-1?socket=/run/vault/vol-1.sock"}}},
		"nfs":      {Path: &pb.Connection_Nfs{Nfs: &pb.NfsConnection{Server: "10.0.0.1", Export: "/vol-1", Version: "4.2"}}},
		"rbd": {Path: &pb.Connection_Rbd{Rbd: &pb.RbdConnection{
			Monitors: []string{"10.0.0.1:6789", "10.0.0.2"}, Pool: "rbd", Image: "vol-1", User: "meson", Key: []byte("QVFCaHVudGVyMmh1bnRlcjI="),
		}}},
		"native": {Path: &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: "vol-1"}}},
	}
}

// badConnections are one fault each.
func badConnections() map[string]map[string]func(*pb.Connection) {
	file := func(spoil func(*pb.FileConnection)) func(*pb.Connection) {
		return func(c *pb.Connection) { spoil(c.GetFile()) }
	}
	iscsi := func(spoil func(*pb.IscsiConnection)) func(*pb.Connection) {
		return func(c *pb.Connection) { spoil(c.GetIscsi()) }
	}
	nbd := func(uri string) func(*pb.Connection) { return func(c *pb.Connection) { c.GetNbd().Uri = uri } }
	nfs := func(export string) func(*pb.Connection) {
		return func(c *pb.Connection) { c.GetNfs().Export = export }
	}
	rbd := func(spoil func(*pb.RbdConnection)) func(*pb.Connection) {
		return func(c *pb.Connection) { spoil(c.GetRbd()) }
	}
	return map[string]map[string]func(*pb.Connection){
		"file": {
			"other host": file(func(f *pb.FileConnection) { f.Host = "elsewhere" }),
			"no host":    file(func(f *pb.FileConnection) { f.Host = "" }),
			"relative":   file(func(f *pb.FileConnection) { f.File = "data.img" }),
			"detour":     file(func(f *pb.FileConnection) { f.File = "/srv/../etc/shadow" }),
			"newline":    file(func(f *pb.FileConnection) { f.File = "/srv/a\n/b" }),
			"nothing":    file(func(f *pb.FileConnection) { f.File = "" }),
			"root":       file(func(f *pb.FileConnection) { f.File = "/" }),
			"kernel":     file(func(f *pb.FileConnection) { f.File = "/proc/1/mem" }),
			"long":       file(func(f *pb.FileConnection) { f.File = "/" + strings.Repeat("x", 5000) }),
			"no format":  file(func(f *pb.FileConnection) { f.Format = "" }),
			"format":     file(func(f *pb.FileConnection) { f.Format = "vmdk" }),
		},
		"iscsi": {
			"no portal":       iscsi(func(i *pb.IscsiConnection) { i.Portals = nil }),
			"many portals":    iscsi(func(i *pb.IscsiConnection) { i.Portals = make([]string, 1000) }),
			"portal":          iscsi(func(i *pb.IscsiConnection) { i.Portals[0] = "10.0.0.1" }),
			"portal 0":        iscsi(func(i *pb.IscsiConnection) { i.Portals[0] = "10.0.0.1:0" }),
			"portal newline":  iscsi(func(i *pb.IscsiConnection) { i.Portals[0] = "10.0.0.1:3260\nnode.x" }),
			"portal quote":    iscsi(func(i *pb.IscsiConnection) { i.Portals[0] = `a"b:3260` }),
			"no target":       iscsi(func(i *pb.IscsiConnection) { i.TargetIqn = "" }),
			"target":          iscsi(func(i *pb.IscsiConnection) { i.TargetIqn = "vol-1" }),
			"target slash":    iscsi(func(i *pb.IscsiConnection) { i.TargetIqn = "iqn.2026-01.dev.meson:a/1" }),
			"long target":     iscsi(func(i *pb.IscsiConnection) { i.TargetIqn = "iqn.2026-01.dev:" + strings.Repeat("x", 300) }),
			"other initiator": iscsi(func(i *pb.IscsiConnection) { i.InitiatorIqn = "iqn.2026-01.dev.meson:host-2" }),
			"lun":             iscsi(func(i *pb.IscsiConnection) { i.Lun = 1 << 20 }),
			"no password":     iscsi(func(i *pb.IscsiConnection) { i.ChapPassword = nil }),
			"no user":         iscsi(func(i *pb.IscsiConnection) { i.ChapUser = "" }),
			"user":            iscsi(func(i *pb.IscsiConnection) { i.ChapUser = "a b" }),
			"password":        iscsi(func(i *pb.IscsiConnection) { i.ChapPassword = []byte("hunter2\nhunter2") }),
			"long password":   iscsi(func(i *pb.IscsiConnection) { i.ChapPassword = []byte("hunter2" + strings.Repeat("x", 300)) }),
		},
		"nbd": {
			"empty":    nbd(""),
			"http":     nbd("http://store1.lan:80/"),
			"no port":  nbd("nbd://store1.lan/vol-1"),
			"file":     nbd("nbds://store1.lan:10809/vol-1?tls-certificates=/etc"),
			"user":     nbd("nbds://root@store1.lan:10809/vol-1"),
			"fragment": nbd("nbd://store1.lan:10809/vol-1#x"),
			"newline":  nbd("nbd://store1.lan:10809/vol%0a1"),
			"space":    nbd("nbd://store1.lan:10809/vol 1"),
			"opaque":   nbd("nbd:unix:/etc/x"),
		},
		"nbd+unix": {
			"host":      nbd("nbd+unix://host/vol-1?socket=/run/s"),
			"no socket": nbd("nbd+unix:///vol-1"),
			"two":       nbd("nbd+unix:///vol-1?socket=/run/s&socket=/run/t"),
			"more":      nbd("nbd+unix:///vol-1?socket=/run/s&tls-certificates=/etc"),
			"relative":  nbd("nbd+unix:///vol-1?socket=run/s"),
			"detour":    nbd("nbd+unix:///vol-1?socket=/run/../etc/s"),
			"long":      nbd("nbd+unix:///vol-1?socket=/" + strings.Repeat("x", 200)),
		},
		"nfs": {
			"server":    func(c *pb.Connection) { c.GetNfs().Server = "10.0.0.1:/etc" },
			"no server": func(c *pb.Connection) { c.GetNfs().Server = "" },
			"version":   func(c *pb.Connection) { c.GetNfs().Version = "4,exec" },
			"relative":  nfs("vol-1"),
			"blank":     nfs("/vol-1 /etc none bind"),
			"tab":       nfs("/vol-1\t/etc"),
			"newline":   nfs("/vol-1\n/dev/sda"),
			"comma":     nfs("/vol-1,suid"),
			"octal":     nfs(`/vol-1\040`),
			"quote":     nfs(`/vol-1"`),
			"comment":   nfs("/vol-1#"),
			"umlaut":    nfs("/vol-ü"),
		},
		"rbd": {
			"no monitor":  rbd(func(r *pb.RbdConnection) { r.Monitors = nil }),
			"monitor":     rbd(func(r *pb.RbdConnection) { r.Monitors[0] = "10.0.0.1:6789;conf=/etc" }),
			"pool":        rbd(func(r *pb.RbdConnection) { r.Pool = "a/b" }),
			"no pool":     rbd(func(r *pb.RbdConnection) { r.Pool = "" }),
			"image":       rbd(func(r *pb.RbdConnection) { r.Image = "vol-1:conf=/tmp/x" }),
			"user":        rbd(func(r *pb.RbdConnection) { r.User = "a:key=b" }),
			"namespace":   rbd(func(r *pb.RbdConnection) { r.Namespace = "a b" }),
			"key":         rbd(func(r *pb.RbdConnection) { r.Key = []byte("hunter2\n") }),
			"cluster":     rbd(func(r *pb.RbdConnection) { r.ClusterFsid = "mine" }),
			"two at once": rbd(func(r *pb.RbdConnection) { r.Pool, r.User = "", "" }),
		},
		"native": {
			"no id":  func(c *pb.Connection) { c.GetNative().VolumeId = "" },
			"escape": func(c *pb.Connection) { c.GetNative().VolumeId = "vol\x1b[2J" },
		},
		"nothing": {"at all": func(*pb.Connection) {}},
	}
}

// Every way passes as it is, for reading and for writing.
func TestExport(t *testing.T) {
	h := newHost(t)
	for name, want := range goodConnections() {
		for _, readOnly := range []bool{false, true} {
			req := exportRequest()
			req.ReadOnly = readOnly
			made, err := provider(h, "rogue", name).Export(t.Context(), req)
			want.ReadOnly = readOnly
			if err != nil || made.Epoch != 3 || !proto.Equal(want, connectionToPB(made.Connection)) || made.Connection.Kind != kindOfPath(want) {
				t.Errorf("%s: %+v, %v", name, made, err)
			}
			if strings.Contains(fmt.Sprintf("%+v %#v", made, made.Connection.ISCSI), "hunter2") {
				t.Errorf("%s: the password is printed", name)
			}
		}
		if err := provider(h, "rogue", name).Unexport(t.Context(), "vol-1", "x-1", false); err != nil {
			t.Error(err)
		}
	}
}

// One thing that could be read as another, and nothing passes. It is Uncertain:
// the volume may be exported.
func TestBadConnections(t *testing.T) {
	h := newHost(t)
	for kind, faults := range badConnections() {
		for what := range faults {
			made, err := provider(h, "rogue", kind+": "+what).Export(t.Context(), exportRequest())
			e, _ := err.(*core.Error)
			if e == nil || e.Kind != core.Uncertain || e.Source != core.SourcePlugin || len(e.Faults) == 0 || made.Connection.Kind != "" {
				t.Errorf("%s, %s: %+v, %v: want Uncertain with the fault", kind, what, made, err)
				continue
			}
			text := fmt.Sprintf("%+v", *e)
			if strings.Contains(text, "hunter2") || strings.ContainsAny(text, "\x1b\n") {
				t.Errorf("%s, %s: %q", kind, what, text)
			}
		}
	}
}

// A way that was not asked for is none, whatever it is.
func TestExportOfAnotherKind(t *testing.T) {
	h := newHost(t)
	req := exportRequest()
	req.Kinds = []core.ConnectionKind{core.ConnectISCSI}
	if _, err := provider(h, "rogue", "nbd").Export(t.Context(), req); core.KindOf(err) != core.Uncertain || !strings.Contains(fmt.Sprint(err), "by nbd: iscsi was asked for") {
		t.Errorf("%v", err)
	}
	if _, err := provider(h, "rogue", "iscsi").Export(t.Context(), req); err != nil {
		t.Error(err)
	}
	// What only reading was asked for is not written; what can only be read says so.
	req = exportRequest()
	req.ReadOnly = true
	if _, err := provider(h, "rogue", "writable").Export(t.Context(), req); core.KindOf(err) != core.Uncertain || !strings.Contains(fmt.Sprint(err), "it lets write") {
		t.Errorf("%v", err)
	}
	if made, err := provider(h, "rogue", "read only").Export(t.Context(), exportRequest()); err != nil || !made.Connection.ReadOnly {
		t.Errorf("%+v, %v", made, err)
	}
	// A file is nobody's who does not say where it is.
	req = exportRequest()
	req.From.Host = ""
	if _, err := provider(h, "rogue", "file").Export(t.Context(), req); core.KindOf(err) != core.Uncertain {
		t.Errorf("%v", err)
	}
}
