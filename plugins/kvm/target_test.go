package kvm

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// fabricAddress is where the lab's hosts find what runs in the namespace that
// joins them.
const fabricAddress = "10.77.0.254"

// inFabric starts a server in that namespace; it ends with the test.
func inFabric(t *testing.T, l lab, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if required("iscsi") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(name)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", append([]string{"netns", "exec", l["MESON_LAB_KVM_FABRIC_NETNS"], path}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
}

// target is a tgtd of the test's own with one target and one logical unit.
type target struct {
	t    *testing.T
	port string
	// control is tgtadm's number of the daemon.
	control string
	iqn     string
	file    string
	user    string
	word    string
}

// startTarget serves a file to an initiator that knows the password.
func startTarget(t *testing.T, l lab, file, initiator string) *target {
	t.Helper()
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	g := &target{
		t: t, port: strconv.Itoa(20000 + mathrand.IntN(10000)), control: strconv.Itoa(1000 + mathrand.IntN(30000)),
		iqn: "iqn.2026-11.lab.meson:" + unique(t), file: file, user: "u" + unique(t), word: hex.EncodeToString(b[:]),
	}
	if err := os.MkdirAll("/var/run/tgtd", 0o755); err != nil {
		t.Skip(err)
	}
	inFabric(t, l, "tgtd", "-f", "-C", g.control, "-t", "1", "--iscsi", "portal="+fabricAddress+":"+g.port)
	t.Cleanup(func() {
		_ = os.Remove("/var/run/tgtd/socket." + g.control)
		_ = os.Remove("/var/run/tgtd/socket." + g.control + ".lock")
	})
	give := time.Now().Add(10 * time.Second)
	for g.try("--mode", "target", "--op", "show") != nil {
		if time.Now().After(give) {
			t.Fatal("tgtd does not answer")
		}
		time.Sleep(20 * time.Millisecond)
	}
	g.adm("--mode", "target", "--op", "new", "--tid", "1", "-T", g.iqn)
	g.adm("--mode", "logicalunit", "--op", "new", "--tid", "1", "--lun", "1", "--bstype", "rdwr", "-b", file)
	g.adm("--mode", "account", "--op", "new", "--user", g.user, "--password", g.word)
	g.adm("--mode", "account", "--op", "bind", "--tid", "1", "--user", g.user)
	g.adm("--mode", "target", "--op", "bind", "--tid", "1", "--initiator-name", initiator)
	return g
}

func (g *target) try(args ...string) error {
	out, err := exec.Command("tgtadm", append([]string{"-C", g.control, "--lld", "iscsi"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("tgtadm %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (g *target) adm(args ...string) {
	g.t.Helper()
	if err := g.try(args...); err != nil {
		g.t.Fatal(err)
	}
}

// connected reports whether anybody is logged in.
func (g *target) connected() bool {
	out, err := exec.Command("tgtadm", "-C", g.control, "--lld", "iscsi", "--mode", "conn", "--op", "show", "--tid", "1").Output()
	return err == nil && strings.Contains(string(out), "Session")
}

// grow makes the unit larger: tgtd takes the length of its file when it opens it.
func (g *target) grow(size int64) {
	g.t.Helper()
	if err := os.Truncate(g.file, size); err != nil {
		g.t.Fatal(err)
	}
	g.adm("--mode", "logicalunit", "--op", "delete", "--tid", "1", "--lun", "1")
	g.adm("--mode", "logicalunit", "--op", "new", "--tid", "1", "--lun", "1", "--bstype", "rdwr", "-b", g.file)
}

// attachment is the way to the unit.
func (g *target) attachment(id, initiator string) *pb.Attachment {
	return &pb.Attachment{Id: id, VolumeId: "vol-" + id, Name: "data-" + id, Connection: &pb.Connection{Path: &pb.Connection_Iscsi{Iscsi: &pb.IscsiConnection{
		Portals: []string{net.JoinHostPort(fabricAddress, g.port)}, TargetIqn: g.iqn, Lun: 1, InitiatorIqn: initiator,
		ChapUser: g.user, ChapPassword: []byte(g.word),
	}}}}
}

// fileAttachment is a volume in a file of the provider's first host.
func fileAttachment(t *testing.T, p *Provider, id, path, format string, readOnly bool) *pb.Attachment {
	t.Helper()
	host, err := p.places[0].linkHost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &pb.Attachment{Id: id, VolumeId: "vol-" + id, Name: "data-" + id, Connection: &pb.Connection{
		Path: &pb.Connection_File{File: &pb.FileConnection{Host: host.UUID, File: path, Format: format}}, ReadOnly: readOnly,
	}}
}

func nbdAttachment(id, uri string) *pb.Attachment {
	return &pb.Attachment{Id: id, VolumeId: "vol-" + id, Name: "data-" + id, Connection: &pb.Connection{
		Path: &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: uri}},
	}}
}

// blank is a file of a size, with a copy of from at its beginning where that is
// given. The lab's hosts see it where the test does.
func blank(t *testing.T, from string, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "volume.raw")
	var data []byte
	if from != "" {
		var err error
		if data, err = os.ReadFile(from); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// consumerOf is how machines of a host reach volumes, as its offers say.
func consumerOf(t *testing.T, p *Provider) *pb.Consumer {
	t.Helper()
	return labRequest(t, p, "b", "x", bootPledge()).GetOffer().GetConsumer()
}

// attach is an Attach that must succeed.
func attach(t *testing.T, p *Provider, in *pb.Instance, a *pb.Attachment) *pb.Instance {
	t.Helper()
	out, err := tryAttach(t.Context(), p, in, a)
	if err != nil {
		t.Fatalf("attach %s: %v", a.GetId(), err)
	}
	return out
}

func tryAttach(ctx context.Context, p *Provider, in *pb.Instance, a *pb.Attachment) (*pb.Instance, error) {
	return p.Attach(ctx, &pb.AttachRequest{Provider: p.name, Id: in.GetId(), Broker: in.GetOwner().GetBroker(), Attachment: a})
}

func tryDetach(ctx context.Context, p *Provider, in *pb.Instance, id string) (*pb.Instance, error) {
	return p.Detach(ctx, &pb.DetachRequest{Provider: p.name, Id: in.GetId(), Broker: in.GetOwner().GetBroker(), AttachmentId: id})
}
