package kvm

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// machineOn is a running boot-sector machine on the lab's n-th host.
func machineOn(t *testing.T, l lab, n int) (*Provider, *pb.Instance) {
	t.Helper()
	p := openProvider(t, l.config("boot", l.hosts()[n]), Hooks{})
	broker := unique(t)
	req := plainRequest(broker, broker+"-m", l.hosts()[n], bootPledge())
	away(t, p, req.GetOwner())
	return p, until(t, p, req)
}

// wired is what a host has of an attachment.
type wired struct{ live, config, secret, record bool }

func wiredAs(t *testing.T, p *Provider, id, attachment string) wired {
	t.Helper()
	at := p.places[0]
	w, err := at.wiring(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	m, err := at.read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := wired{live: link.Find(w.live, attachment) != nil, config: link.Find(w.config, attachment) != nil, record: m.record(attachment) != nil}
	out.secret, err = hosts.Ask(t.Context(), at.host, "look for secret", func(c *libvirt.Connect) (bool, error) {
		s, err := c.LookupSecretByUUIDString(link.SecretUUID(id, attachment))
		if hosts.Is(err, libvirt.ERR_NO_SECRET) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		defer s.Free()
		if _, err := s.GetValue(0); err == nil {
			t.Error("libvirt tells the password")
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A unit of iSCSI with a password is attached to a machine that runs, and to its
// later starts. Everybody sees it, nobody sees the password. A guest that does not
// let go is Busy; when it has, nothing is left.
func TestAttachISCSI(t *testing.T) {
	l := theLab(t)
	p, in := machineOn(t, l, 0)
	from := consumerOf(t, p).GetInitiatorIqn()
	g := startTarget(t, l, blank(t, "", 8<<20), from)
	a := g.attachment("at-1", from)
	out := attach(t, p, in, a)
	if !g.connected() {
		t.Error("nobody is connected to the target")
	}
	if have := wiredAs(t, p, in.GetId(), "at-1"); have != (wired{true, true, true, true}) {
		t.Errorf("after Attach: %+v", have)
	}
	if len(out.GetAttachments()) != 1 {
		t.Fatalf("Attach answers %v", out.GetAttachments())
	}
	got := out.GetAttachments()[0]
	if got.GetVolumeId() != "vol-at-1" || got.GetName() != "data-at-1" || got.GetConnection().GetIscsi().GetTargetIqn() != g.iqn || len(got.GetConnection().GetIscsi().GetChapPassword()) > 0 {
		t.Errorf("Attach answers %v", got)
	}
	other := openProvider(t, p.config, Hooks{})
	if seen, err := other.Get(t.Context(), &pb.GetRequest{Id: in.GetId()}); err != nil || len(seen.GetAttachments()) != 1 || seen.GetConsumer().GetGuestMounts() {
		t.Errorf("another process sees %v, %v", seen, err)
	}
	for _, what := range []string{"cmdline", "environ"} {
		all, err := filepath.Glob("/proc/[0-9]*/" + what)
		if err != nil || len(all) < 3 {
			t.Errorf("%d of %s, %v", len(all), what, err)
		}
		for _, file := range all {
			if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), g.word) {
				t.Errorf("the password stands in %s: %.200q", file, text)
			}
		}
	}
	attach(t, p, in, a)
	if have := wiredAs(t, p, in.GetId(), "at-1"); have != (wired{true, true, true, true}) {
		t.Errorf("after the same Attach: %+v", have)
	}
	foreign := g.attachment("at-1", from)
	foreign.VolumeId = "another"
	if _, err := tryAttach(t.Context(), p, in, foreign); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("another volume under the same id: %v, want Conflict", err)
	}

	began := time.Now()
	if _, err := tryDetach(t.Context(), p, in, "at-1"); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "guest") {
		t.Errorf("Detach from a guest that does not listen: %v, want Busy and who", err)
	}
	if took := time.Since(began); took > releasePatience+3*time.Second {
		t.Errorf("the refusal took %v", took)
	}
	if have := wiredAs(t, p, in.GetId(), "at-1"); !have.config || !have.record || !have.secret {
		t.Errorf("after the refusal: %+v", have)
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	out, err := tryDetach(t.Context(), p, in, "at-1")
	if err != nil || len(out.GetAttachments()) != 0 {
		t.Errorf("Detach of a stopped machine: %v, %v", out.GetAttachments(), err)
	}
	if have := wiredAs(t, p, in.GetId(), "at-1"); have != (wired{}) {
		t.Errorf("after Detach: %+v", have)
	}
	if _, err := tryDetach(t.Context(), p, in, "at-1"); err != nil {
		t.Errorf("what is not attached is done: %v", err)
	}
}

// What the target refuses is Denied, what does not answer Unavailable; a refusal
// leaves nothing. Of several portals the one that answers is taken.
func TestAttachRefused(t *testing.T) {
	l := theLab(t)
	p, in := machineOn(t, l, 1)
	from := consumerOf(t, p).GetInitiatorIqn()
	g := startTarget(t, l, blank(t, "", 4<<20), from)
	change := func(f func(*pb.IscsiConnection)) *pb.Attachment {
		a := g.attachment("at-1", from)
		f(a.GetConnection().GetIscsi())
		return a
	}
	boot := g.attachment("at-1", from)
	boot.Boot = true
	mount := &pb.Attachment{Id: "at-1", VolumeId: "v", Name: "share", Connection: &pb.Connection{Path: &pb.Connection_Nfs{Nfs: &pb.NfsConnection{Server: "10.77.0.254:2049", Export: "/share"}}}}
	rbd := &pb.Attachment{Id: "at-1", VolumeId: "v", Connection: &pb.Connection{Path: &pb.Connection_Rbd{Rbd: &pb.RbdConnection{Image: "x"}}}}
	elsewhere := fileAttachment(t, p, "at-1", "/nowhere/x.raw", "raw", false)
	elsewhere.Connection.GetFile().Host = "6d65736f-0000-4000-8000-000000000000"
	hostless := fileAttachment(t, p, "at-1", "/nowhere/x.raw", "raw", false)
	hostless.Connection.GetFile().Host = ""
	for name, c := range map[string]struct {
		a    *pb.Attachment
		want sdk.Kind
		says string
	}{
		"wrong password":    {change(func(c *pb.IscsiConnection) { c.ChapPassword = []byte("not the password") }), sdk.Denied, "refuses user and password"},
		"wrong initiator":   {change(func(c *pb.IscsiConnection) { c.InitiatorIqn = "iqn.2026-01.dev.meson:somebody" }), sdk.Denied, "initiator"},
		"no such target":    {change(func(c *pb.IscsiConnection) { c.TargetIqn += "x" }), sdk.Denied, "does not exist"},
		"nobody listens":    {change(func(c *pb.IscsiConnection) { c.Portals = []string{fabricAddress + ":9"} }), sdk.Unavailable, "cannot be reached"},
		"no such unit":      {change(func(c *pb.IscsiConnection) { c.Lun = 7 }), sdk.Unavailable, "not served"},
		"nonsense":          {change(func(c *pb.IscsiConnection) { c.TargetIqn = "x'/><y" }), sdk.Invalid, "target"},
		"no such file":      {fileAttachment(t, p, "at-1", "/nowhere/x.raw", "raw", false), sdk.Unavailable, "not served"},
		"file of elsewhere": {elsewhere, sdk.Denied, "another host"},
		"file of nowhere":   {hostless, sdk.Denied, "no host"},
		"file of the host":  {fileAttachment(t, p, "at-1", "/etc/shadow", "raw", true), sdk.Denied, "not below volume_dirs"},
		"socket of it":      {nbdAttachment("at-1", "nbd+unix:///x?socket=/run/x/s"), sdk.Denied, "not below volume_dirs"},
		"format is guessed": {fileAttachment(t, p, "at-1", "/nowhere/x.raw", "", false), sdk.Invalid, "never guessed"},
		"no such export":    {nbdAttachment("at-1", "nbd://"+fabricAddress+":9/x"), sdk.Unavailable, "cannot be reached"},
		"NBD over TLS":      {nbdAttachment("at-1", "nbds://h/x"), sdk.Unsupported, "TLS"},
		"boot, afterwards":  {boot, sdk.Unsupported, "made with"},
		"mount, afterwards": {mount, sdk.Unsupported, "first boot"},
		"Ceph":              {rbd, sdk.Unsupported, "Ceph"},
	} {
		_, err := tryAttach(t.Context(), p, in, c.a)
		if sdk.KindOf(err) != c.want || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s and %q", name, err, c.want, c.says)
		}
		if err != nil && strings.Contains(err.Error(), g.word) {
			t.Errorf("%s: the error has the password", name)
		}
		if have := wiredAs(t, p, in.GetId(), "at-1"); have != (wired{}) {
			t.Errorf("%s leaves %+v", name, have)
		}
	}
	attach(t, p, in, change(func(c *pb.IscsiConnection) {
		c.Portals = []string{fabricAddress + ":9", net.JoinHostPort(fabricAddress, g.port)}
	}))
	if have := wiredAs(t, p, in.GetId(), "at-1"); have != (wired{true, true, true, true}) {
		t.Errorf("by the second portal: %+v", have)
	}
}

// The guest's agent says which file systems of a disk are mounted, and where.
func TestMountedOn(t *testing.T) {
	all := []libvirt.DomainFSInfo{
		{MountPoint: "/srv", DevAlias: []string{"vdc", "vdd"}}, {MountPoint: "/", DevAlias: []string{"vda"}}, {MountPoint: "/home", DevAlias: []string{"vdc"}}, {MountPoint: "/proc"},
	}
	for target, want := range map[string]string{"vdc": "/home,/srv", "vdd": "/srv", "vde": ""} {
		if have := strings.Join(mountedOn(all, target), ","); have != want {
			t.Errorf("%s: %q, want %q", target, have, want)
		}
	}
}

// An agent that does not answer has not said that nothing is mounted.
func TestSilentAgent(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false,
		libvirt.Error{Code: libvirt.ERR_OPERATION_UNSUPPORTED}: false,
		libvirt.Error{Code: libvirt.ERR_OPERATION_INVALID}:     false, // the machine is off
		libvirt.Error{Code: libvirt.ERR_AGENT_UNRESPONSIVE}:    true,
		libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR}:        true,
		context.DeadlineExceeded:                               true,
	} {
		if have := silent(err); have != want {
			t.Errorf("%v: %v, want %v", err, have, want)
		}
	}
}

// Exports of NBD are attached by network and by socket.
func TestAttachNBD(t *testing.T) {
	l := theLab(t)
	p, in := machineOn(t, l, 2)
	inFabric(t, l, "qemu-nbd", "-t", "-b", fabricAddress, "-p", "21809", "-f", "raw", "-x", "vol1", blank(t, "", 2<<20))
	socket := filepath.Join(t.TempDir(), "s")
	inFabric(t, l, "qemu-nbd", "-t", "-k", socket, "-f", "raw", "-x", "vol2", blank(t, "", 2<<20))
	give := time.Now().Add(5 * time.Second)
	for id, uri := range map[string]string{"n-1": "nbd://" + fabricAddress + ":21809/vol1", "n-2": "nbd+unix:///vol2?socket=" + socket} {
		var err error
		for _, err = tryAttach(t.Context(), p, in, nbdAttachment(id, uri)); sdk.KindOf(err) == sdk.Unavailable && time.Now().Before(give); {
			time.Sleep(50 * time.Millisecond)
			_, err = tryAttach(t.Context(), p, in, nbdAttachment(id, uri))
		}
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if have := wiredAs(t, p, in.GetId(), id); have != (wired{true, true, false, true}) {
			t.Errorf("%s: %+v", uri, have)
		}
	}
	got, err := p.Get(context.Background(), &pb.GetRequest{Id: in.GetId()})
	if err != nil || len(got.GetAttachments()) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	for _, a := range got.GetAttachments() {
		if uri := a.GetConnection().GetNbd().GetUri(); !strings.HasPrefix(uri, "nbd") {
			t.Errorf("attachment %v", a)
		}
	}
}
