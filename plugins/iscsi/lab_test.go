package iscsi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// needs skips a test where a program is not there, unless MESON_REQUIRE names
// iscsi: then it fails.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		_, err := exec.LookPath(p)
		if err != nil {
			_, err = os.Stat("/usr/sbin/" + p)
		}
		if err == nil && os.Geteuid() == 0 {
			continue
		}
		lacks(t, "%s as root: lab/deps iscsi installs it", p)
	}
}

// lacks skips a test for what is not there, or fails it where MESON_REQUIRE names
// iscsi.
func lacks(t *testing.T, format string, args ...any) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), "iscsi") {
		t.Fatalf("required: "+format, args...)
	}
	t.Skipf(format, args...)
}

const testHost = "6f1f5a1c-5c6e-4f0b-9d53-2d6f8f1d2b7a"

// site is a server with a vault, for one test.
type site struct {
	t        *testing.T
	vault    string
	runtime  string
	settings map[string]any
}

// newSite makes a vault whose daemons are gone when the test ends.
func newSite(t *testing.T, more map[string]any) *site {
	t.Helper()
	runtime, err := os.MkdirTemp("/tmp", "mi")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, vault: filepath.Join(t.TempDir(), "vault"), runtime: runtime}
	if err := os.Mkdir(s.vault, 0o755); err != nil {
		t.Fatal(err)
	}
	first := freePorts(t)
	s.settings = map[string]any{
		"path": s.vault, "runtime_dir": runtime, "host_uuid": testHost, "zone": "store1", "address": "127.0.0.1",
		"first_port": first, "last_port": first + 99, "currency": "EUR", "gib_month": "0.04", "raw_gib_month": "0.05", "overcommit_percent": 1000, "reserve_gib": 0,
	}
	maps.Copy(s.settings, more)
	t.Cleanup(s.clear)
	return s
}

// freePorts is the first of a hundred ports that other tests are unlikely to use.
func freePorts(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return min(l.Addr().(*net.TCPAddr).Port, 65000)
}

// write puts a file into the vault, as somebody else does.
func (s *site) write(path, text string) {
	s.t.Helper()
	path = filepath.Join(s.vault, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) config() string {
	text, err := json.Marshal(s.settings)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// clear ends every daemon of the site.
func (s *site) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if h, err := target.New(target.Options{Dir: filepath.Join(s.runtime, "t")}); err == nil {
		all, err := h.List(ctx)
		if err != nil {
			s.t.Error(err)
		}
		for _, one := range all {
			if err := h.Stop(ctx, one.Key); err != nil {
				s.t.Error(err)
			}
		}
	}
	e := image.New(image.Options{})
	for _, kind := range []string{"n", "f"} {
		dirs, _ := filepath.Glob(filepath.Join(s.runtime, kind, "*"))
		for _, dir := range dirs {
			d, err := e.Find(ctx, dir)
			if err == nil && d != nil {
				err = d.Kill(ctx)
			}
			if err != nil {
				s.t.Error(err)
			}
		}
	}
	if err := os.RemoveAll(s.runtime); err != nil {
		s.t.Error(err)
	}
}

// provider opens the site's vault.
func (s *site) provider(hooks Hooks) *Provider {
	s.t.Helper()
	config, err := sdk.DecodeConfig[Config]([]byte(s.config()), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := open(s.t.Context(), "v", config, slog.New(slog.DiscardHandler), hooks, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			s.t.Error(err)
		}
	})
	return p
}

// here and there are machines on the vault's host and elsewhere.
func here() *pb.Consumer {
	return &pb.Consumer{
		Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_NBD, pb.ConnectionKind_CONNECTION_KIND_ISCSI},
		Host:  testHost, InitiatorIqn: "iqn.2026-01.dev.meson:host-" + testHost,
	}
}

func there(n int) *pb.Consumer {
	host := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
	return &pb.Consumer{
		Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_ISCSI},
		Host:  host, InitiatorIqn: "iqn.2026-01.dev.meson:host-" + host,
	}
}

func unique() string { return strings.ToLower(rand.Text()[:10]) }

func owner() *pb.Owner {
	id := unique()
	return &pb.Owner{Broker: "b-" + id, Allocation: "a-" + id, Key: "k-" + id, Request: "r-" + id}
}

// order is a CreateVolume of a format.
func order(t *testing.T, p *Provider, format string, size uint64) *pb.CreateVolumeRequest {
	t.Helper()
	spec := &pb.VolumeSpec{SizeBytes: size, Format: format}
	var offers []*pb.VolumeOffer
	err := p.OfferVolume(t.Context(), &pb.OfferVolumeRequest{Spec: spec, ForHours: 730}, func(r *pb.OfferVolumeResponse) error {
		offers = append(offers, r.GetOffers()...)
		return nil
	})
	if err != nil || len(offers) == 0 {
		t.Fatalf("%d offers, %v", len(offers), err)
	}
	return &pb.CreateVolumeRequest{Owner: owner(), Name: "v1", Spec: spec, Offer: offers[0]}
}

// volume makes one.
func volume(t *testing.T, p *Provider, format string, size uint64) (*pb.CreateVolumeRequest, *pb.Volume) {
	t.Helper()
	req := order(t, p, format, size)
	return req, until(t, p, req)
}

// until repeats a CreateVolume as a broker does.
func until(t *testing.T, p *Provider, req *pb.CreateVolumeRequest) *pb.Volume {
	t.Helper()
	for range 50 {
		v, err := p.CreateVolume(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if v.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE {
			return v
		}
	}
	t.Fatal("the volume is not available")
	return nil
}

func export(o *pb.Owner, volume, attachment string, from *pb.Consumer) *pb.ExportRequest {
	return &pb.ExportRequest{VolumeId: volume, Owner: o, AttachmentId: attachment, From: from}
}
