package kvm

import (
	"bytes"
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

// secretsOf lists the passwords that a host keeps for a machine.
func secretsOf(t *testing.T, p *Provider, id string) []string {
	t.Helper()
	out, err := hosts.Ask(t.Context(), p.places[0].host, "list secrets", func(c *libvirt.Connect) ([]string, error) {
		all, err := c.ListAllSecrets(0)
		if err != nil {
			return nil, err
		}
		var out []string
		for i := range all {
			if usage, err := all[i].GetUsageID(); err == nil && strings.HasPrefix(usage, link.SecretPrefix(id)) {
				out = append(out, usage)
			}
			_ = all[i].Free()
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// withVolumes is a Create of a machine that has these.
func withVolumes(broker, name, zone string, all ...*pb.Attachment) *pb.CreateRequest {
	ask := bootPledge()
	for _, a := range all {
		ask.Volumes = append(ask.Volumes, &pb.VolumeRequest{Vid: a.GetVolumeId(), Bootable: a.GetBoot()})
	}
	req := plainRequest(broker, name, zone, ask)
	req.Attachments = all
	return req
}

// A machine boots from a unit of iSCSI: no image is needed, no disk is made. With
// the machine its passwords go, and the volumes stay as they are.
func TestCreateFromVolume(t *testing.T) {
	l := theLab(t)
	config := l.config("boot", l.hosts()[0])
	config.Images = nil
	p := openProvider(t, config, Hooks{})
	host, err := p.places[0].linkHost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := startTarget(t, l, blank(t, l["MESON_LAB_BOOTSECTOR_IMAGE"], 4<<20), host.Initiator)
	data := blank(t, "", 1<<20)
	boot := g.attachment("root", host.Initiator)
	boot.Boot = true
	broker := unique(t)
	req := withVolumes(broker, broker+"-v", l.hosts()[0], fileAttachment(t, p, "data", data, "raw", true), boot)
	away(t, p, req.GetOwner())
	before, err := os.ReadFile(g.file)
	if err != nil {
		t.Fatal(err)
	}
	in := until(t, p, req)
	s, _ := openScreen(t, p, in, false)
	s.echo(t, "hello")
	if len(in.GetAttachments()) != 2 {
		t.Errorf("Create answers %v", in.GetAttachments())
	}
	for _, r := range remains(t, l, in.GetId()) {
		if strings.Contains(r, diskName(in.GetId())) {
			t.Errorf("%s was made for a machine that boots from a volume", r)
		}
	}
	w, err := p.places[0].wiring(t.Context(), in.GetId())
	if err != nil {
		t.Fatal(err)
	}
	for id, target := range map[string]string{"root": "vda", "data": "vdc"} {
		if d := link.Find(w.live, id); d == nil || d.Target.Dev != target || (d.Boot != nil) != (id == "root") {
			t.Errorf("disk %s: %+v, want it to be %s", id, d, target)
		}
	}
	if _, err := tryDetach(t.Context(), p, in, "root"); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "boots from") {
		t.Errorf("Detach of what it boots from: %v, want Busy", err)
	}
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
		t.Fatal(err)
	}
	if left := append(remains(t, l, in.GetId()), secretsOf(t, p, in.GetId())...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if after, err := os.ReadFile(g.file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the volume is not what it was: %v", err)
	}
	if _, err := os.Stat(data); err != nil {
		t.Error(err)
	}
}

// A volume that is refused for good refuses the machine, and nothing is left of it.
// One that is in use keeps it waiting: repeated, the Create ends in a machine.
func TestCreateWithVolumeRefused(t *testing.T) {
	l := theLab(t)
	p, holder := machineOn(t, l, 1)
	from := consumerOf(t, p).GetInitiatorIqn()
	g := startTarget(t, l, blank(t, "", 1<<20), from)
	broker := unique(t)
	bad := g.attachment("at-1", from)
	bad.GetConnection().GetIscsi().ChapPassword = []byte("not the password")
	zone := l.hosts()[1]
	for name, c := range map[string]struct {
		req  *pb.CreateRequest
		want sdk.Kind
	}{
		"wrong password":     {withVolumes(broker, broker+"-a", zone, bad), sdk.Denied},
		"native":             {withVolumes(broker, broker+"-b", zone, &pb.Attachment{Id: "a", Connection: &pb.Connection{Path: &pb.Connection_Native{Native: &pb.NativeConnection{}}}}), sdk.Unsupported},
		"two to boot from":   {withVolumes(broker, broker+"-c", zone, booting(g.attachment("a", from)), booting(g.attachment("b", from))), sdk.Invalid},
		"none to boot from":  {noBoot(withVolumes(broker, broker+"-d", zone, booting(g.attachment("a", from)))), sdk.Invalid},
		"no way to a volume": {noWay(withVolumes(broker, broker+"-e", zone, g.attachment("a", from))), sdk.Invalid},
	} {
		away(t, p, c.req.GetOwner())
		id := machineUUID(broker, c.req.GetOwner().GetKey())
		_, err := createAtLast(t, p, c.req)
		if sdk.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if left := append(remains(t, l, id), secretsOf(t, p, id)...); len(left) > 0 {
			t.Errorf("%s leaves %v", name, left)
		}
	}

	path := blank(t, "", 1<<20)
	attach(t, p, holder, fileAttachment(t, p, "h-1", path, "raw", false))
	req := withVolumes(broker, broker+"-w", zone, fileAttachment(t, p, "w-1", path, "raw", false))
	away(t, p, req.GetOwner())
	if _, err := createAtLast(t, p, req); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), holder.GetName()) {
		t.Errorf("with a volume in use: %v, want Busy and the name of %s", err, holder.GetName())
	}
	setPower(t, p, holder, pb.SetPowerRequest_ACTION_STOP_HARD)
	until(t, p, req)
}

// createAtLast repeats a Create until the machine runs or it fails.
func createAtLast(t *testing.T, p *Provider, req *pb.CreateRequest) (*pb.Instance, error) {
	t.Helper()
	for give := time.Now().Add(time.Minute); ; {
		in, err := p.Create(t.Context(), req)
		if err != nil || in.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING {
			return in, err
		}
		if time.Now().After(give) {
			t.Fatalf("still %v", in)
		}
	}
}

func booting(a *pb.Attachment) *pb.Attachment {
	a.Boot = true
	return a
}

func noBoot(r *pb.CreateRequest) *pb.CreateRequest {
	r.Attachments[0].Boot = false
	return r
}

func noWay(r *pb.CreateRequest) *pb.CreateRequest {
	r.Attachments = nil
	return r
}

// A target that cannot be reached by its first portal is reached by the next.
func TestCreateByAnotherPortal(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("boot", l.hosts()[2]), Hooks{})
	from := consumerOf(t, p).GetInitiatorIqn()
	g := startTarget(t, l, blank(t, l["MESON_LAB_BOOTSECTOR_IMAGE"], 1<<20), from)
	a := booting(g.attachment("at-1", from))
	a.GetConnection().GetIscsi().Portals = []string{fabricAddress + ":9", fabricAddress + ":19", fabricAddress + ":" + g.port}
	broker := unique(t)
	req := withVolumes(broker, broker+"-p", l.hosts()[2], a)
	away(t, p, req.GetOwner())
	if in, err := createAtLast(t, p, req); err != nil || len(in.GetAttachments()) != 1 {
		t.Errorf("%v, %v", in, err)
	}
	if !g.connected() {
		t.Error("nobody is connected to the target")
	}
}

// A volume that the guest mounts is told in the seed, beside the user's own data,
// and stands with the machine. Nobody can tell a running guest to let go of it.
func TestCreateWithMount(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	p := openProvider(t, l.config("boot", host), Hooks{})
	broker := unique(t)
	share := &pb.Attachment{Id: "s-1", VolumeId: "vol-s", Name: "share", Connection: &pb.Connection{
		Path: &pb.Connection_Nfs{Nfs: &pb.NfsConnection{Server: fabricAddress + ":2049", Export: "/s-1", Version: "4.2"}}, ReadOnly: true,
	}}
	req := withVolumes(broker, broker+"-n", host, share)
	req.Login.UserData = []byte("#cloud-config\nmounts: [[x, /y]]\n")
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	seed, err := os.ReadFile(filepath.Join(l["MESON_LAB_"+strings.ToUpper(host)+"_POOL_DIR"], seedName(in.GetId())))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"share '" + fabricAddress + ":/s-1' '/mnt/share' 'vers=4.2,proto=tcp,port=2049,addr=" + fabricAddress + ",hard,ro'", string(req.Login.UserData)} {
		if !bytes.Contains(seed, []byte(want)) {
			t.Errorf("the seed does not say %q", want)
		}
	}
	if have := wiredAs(t, p, in.GetId(), "s-1"); have != (wired{record: true}) {
		t.Errorf("%+v, want a record alone", have)
	}
	got := attach(t, p, in, share).GetAttachments()
	if len(got) != 1 || got[0].GetConnection().GetNfs().GetExport() != "/s-1" || !got[0].GetConnection().GetReadOnly() {
		t.Errorf("the same Attach answers %v", got)
	}
	if _, err := tryDetach(t.Context(), p, in, "s-1"); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "/mnt/share") {
		t.Errorf("Detach of what the guest mounts: %v, want Busy and where", err)
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	if out, err := tryDetach(t.Context(), p, in, "s-1"); err != nil || len(out.GetAttachments()) != 0 {
		t.Errorf("Detach of a stopped machine: %v, %v", out.GetAttachments(), err)
	}
}
