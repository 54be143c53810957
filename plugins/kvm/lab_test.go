package kvm

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The tests of this file's users run on the lab's real libvirt hosts, beside
// whoever else uses them: every name is of this run, and everything is removed.

// lab is what lab/kvm and lab/guest say that there is.
type lab map[string]string

// required reports whether MESON_REQUIRE names a server.
func required(name string) bool {
	return slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), name)
}

// theLab skips the test where there is no lab, and fails it where there must be.
func theLab(tb testing.TB) lab {
	tb.Helper()
	l := lab{}
	for _, tool := range []string{"kvm", "guest"} {
		out, err := exec.CommandContext(tb.Context(), filepath.Join("..", "..", "lab", tool), "env").Output()
		if err != nil {
			if required("kvm") {
				tb.Fatalf("lab/%s env: %v; start it with lab/%s", tool, err, tool)
			}
			tb.Skipf("no lab: lab/%s env: %v", tool, err)
		}
		lines := bufio.NewScanner(strings.NewReader(string(out)))
		for lines.Scan() {
			if k, v, ok := strings.Cut(lines.Text(), "="); ok {
				l[k] = strings.Trim(v, `"`)
			}
		}
	}
	return l
}

func (l lab) hosts() []string { return strings.Fields(l["MESON_LAB_KVM_HOSTS"]) }

func (l lab) uri(host string) string { return l["MESON_LAB_"+strings.ToUpper(host)+"_URI"] }

// config is a provider of these lab hosts that boots a guest image.
func (l lab) config(image string, hosts ...string) *Config {
	c := &Config{
		Region: "lab", Currency: "EUR", CoreHour: "0.01", GiBHour: "0.002", DiskGiBMonth: "0.05",
		Overprovision: 10, Accelerator: "tcg", Pool: "meson", Network: "default",
		Groups: []Group{{Name: "lab"}},
		// Where the tests' own files are, and where nothing is.
		VolumeDirs: []string{filepath.Clean(os.TempDir()), "/nowhere"},
		Images:     []Image{{OSFamily: "linux", Format: "qcow2"}},
	}
	switch image {
	case "boot":
		c.Images[0].File, c.Images[0].SHA256 = l["MESON_LAB_BOOTSECTOR_QCOW2"], l["MESON_LAB_BOOTSECTOR_QCOW2_SHA256"]
	case "deaf":
		c.Images[0].File, c.Images[0].SHA256, c.Images[0].Format = l["MESON_LAB_BOOTSECTOR_DEAF_IMAGE"], l["MESON_LAB_BOOTSECTOR_DEAF_SHA256"], "raw"
	case "tiny":
		c.Images[0].File, c.Images[0].SHA256 = l["MESON_LAB_GUEST_IMAGE"], l["MESON_LAB_GUEST_SHA256"]
	}
	for _, h := range hosts {
		c.Groups[0].Hosts = append(c.Groups[0].Hosts, HostConfig{URI: l.uri(h), Name: h})
	}
	return c
}

func testLog(tb testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// openProvider opens a provider that is closed with the test.
func openProvider(tb testing.TB, c *Config, hooks Hooks) *Provider {
	tb.Helper()
	p, err := open("rack1", c, testLog(tb), hooks)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	return p
}

// unique is a word that no other run uses.
func unique(tb testing.TB) string {
	tb.Helper()
	var b [5]byte
	if _, err := rand.Read(b[:]); err != nil {
		tb.Fatal(err)
	}
	return "t" + hex.EncodeToString(b[:])
}

// bootPledge is a machine of one thread for the boot-sector guest.
func bootPledge() *pb.Pledge {
	return &pb.Pledge{Slots: 1, Overprovision: 10, AllowSmt: true, Archs: []string{"x86_64"}, MemoryMib: 32, OsFamily: "linux", BootDiskGib: 1}
}

// labRequest is a Create of an offer that is made for the pledge now.
func labRequest(tb testing.TB, p *Provider, broker, name string, ask *pb.Pledge) *pb.CreateRequest {
	tb.Helper()
	var offer *pb.Offer
	var reasons []*pb.Reason
	err := p.Offer(tb.Context(), &pb.OfferRequest{Provider: p.name, Pledge: ask, ForHours: 730}, func(r *pb.OfferResponse) error {
		reasons = append(reasons, r.GetReasons()...)
		if len(r.GetOffers()) > 0 && offer == nil {
			offer = r.GetOffers()[0]
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	if offer == nil {
		tb.Fatalf("no offer: %v", reasons)
	}
	sum := sha256.Sum256([]byte(ask.String() + name))
	return &pb.CreateRequest{
		Provider: p.name, Name: name, Pledge: ask, Offer: offer,
		Owner: &pb.Owner{Broker: broker, Allocation: "a" + name, Key: name + "-1", Request: hex.EncodeToString(sum[:16])},
		Login: &pb.Login{Hostname: name, Username: "ann", Password: []byte("open sesame"), SshKeys: []string{"ssh-ed25519 AAAA test"}},
	}
}

// remains lists what hosts have of a machine: its domain, volumes and logs.
func remains(tb testing.TB, l lab, uuids ...string) []string {
	tb.Helper()
	var out []string
	for _, name := range l.hosts() {
		h := hosts.Open(hosts.Options{Name: name, URI: l.uri(name), Log: slog.New(slog.DiscardHandler)})
		found, err := hosts.Ask(context.Background(), h, "look for remains", func(c *libvirt.Connect) ([]string, error) {
			return remainsOn(c, uuids)
		})
		h.Close()
		if err != nil {
			tb.Fatal(err)
		}
		for _, id := range uuids {
			logs, _ := filepath.Glob(filepath.Join(l["MESON_LAB_"+strings.ToUpper(name)+"_LOG_DIR"], "qemu", consoleName(id)+"*"))
			for _, log := range logs {
				found = append(found, "log "+filepath.Base(log))
			}
		}
		for _, f := range found {
			out = append(out, name+": "+f)
		}
	}
	return out
}

func remainsOn(c *libvirt.Connect, uuids []string) ([]string, error) {
	var out []string
	pool, err := c.LookupStoragePoolByName("meson")
	if err != nil {
		return nil, err
	}
	defer pool.Free()
	// What libvirt has lost sight of counts as well.
	if err := pool.Refresh(0); err != nil && !strings.Contains(err.Error(), "asynchronous jobs") {
		return nil, err
	}
	vols, err := pool.ListStorageVolumes()
	if err != nil {
		return nil, err
	}
	for _, id := range uuids {
		if d, err := c.LookupDomainByUUIDString(id); err == nil {
			out = append(out, "domain "+id)
			_ = d.Free()
		}
		for _, v := range vols {
			if strings.Contains(v, id) {
				out = append(out, "volume "+v)
			}
		}
	}
	return out, nil
}

// away removes a machine at the end of the test, whatever has become of it.
func away(tb testing.TB, p *Provider, owner *pb.Owner) {
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Delete(ctx, &pb.DeleteRequest{Provider: p.name, Owner: &pb.Owner{Broker: owner.GetBroker(), Key: owner.GetKey()}}); err != nil {
			tb.Errorf("clean up %s: %v", owner.GetKey(), err)
		}
	})
}

// until repeats a Create as a broker does, until the machine runs.
func until(tb testing.TB, p *Provider, req *pb.CreateRequest) *pb.Instance {
	tb.Helper()
	for give := time.Now().Add(time.Minute); ; {
		in, err := p.Create(tb.Context(), req)
		if err != nil {
			tb.Fatal(err)
		}
		if in.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING {
			return in
		}
		if time.Now().After(give) {
			tb.Fatalf("still not running: %v", in)
		}
	}
}

func contextFor(tb testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(tb.Context(), d)
}
