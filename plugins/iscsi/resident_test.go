package iscsi

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// resident is a resident part with the site's settings in a file.
func (s *site) resident() *resident {
	s.t.Helper()
	dir := s.t.TempDir()
	file := filepath.Join(dir, "vault.json")
	if err := os.WriteFile(file, []byte("// Settings of a resident part.\n"+s.config()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	r := &resident{t: s.t, socket: filepath.Join(dir, "s"), args: []string{"--config", file}}
	s.t.Cleanup(func() {
		if r.cmd != nil {
			r.kill()
		}
	})
	return r
}

// dialled is a provider that connects; its settings are prices alone.
func (r *resident) dialled() *sdk.Remote {
	r.t.Helper()
	c, err := r.start(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := c.Configure(r.t.Context(), &pb.ConfigureRequest{Provider: "v", ConfigJson: `{"currency":"EUR","gib_month":"0.04"}`}); err != nil {
		r.t.Fatal(err)
	}
	return c.Provider("v")
}

// What is recorded is served again after the death of the resident part, of tgtd,
// and after a restart of the machine: the same name, password and
// portal, so that who is connected goes on.
func TestResidentServesAgain(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io", "stdbuf")
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			r := s.resident()
			p := r.dialled()
			req := orderFrom(t, p, format, 1<<27)
			v, err := p.CreateVolume(t.Context(), req)
			if err != nil || v.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE {
				t.Fatalf("%v, %v", v, err)
			}
			x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
			if err != nil {
				t.Fatal(err)
			}
			guest := startGuest(t, x.GetConnection())
			guest.do("write -P 3 1M 64k", "flush")
			seen, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
			if err != nil || len(seen.GetUses()) != 1 || !slices.Equal(seen.GetUses()[0].GetPeers(), []string{"127.0.0.1"}) {
				t.Errorf("who is connected: %v, %v, want 127.0.0.1", seen.GetUses(), err)
			}

			r.kill()
			guest.do("read -P 3 1M 64k", "write -P 4 1M 64k", "flush")
			p = r.dialled()
			again, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
			if err != nil || !proto.Equal(again, x) {
				t.Errorf("after the resident part came back the connection is another one, %v", err)
			}

			s.killTgtd()
			guest.do("read -P 4 1M 64k", "write -P 5 1M 64k", "flush")

			r.kill()
			s.fall()
			p = r.dialled()
			guest.do("read -P 5 1M 64k", "write -P 6 1M 64k", "flush")
			guest.end()
			if out, err := qemuIO(t.Context(), x.GetConnection(), "read -P 6 1M 64k"); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			seen, err = p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
			if err != nil || len(seen.GetUses()) != 1 || seen.GetUses()[0].GetEpoch() != 1 {
				t.Errorf("%v, %v", seen, err)
			}
			for _, err := range []error{
				p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}),
				p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Owner: req.GetOwner()}),
			} {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func orderFrom(t *testing.T, p *sdk.Remote, format string, size uint64) *pb.CreateVolumeRequest {
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

// A provider that connects has the vaults of the resident part, and none of its own.
func TestResidentHasItsOwnVaults(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	s := newSite(t, nil)
	r := s.resident()
	c, err := r.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Configure(t.Context(), &pb.ConfigureRequest{Provider: "v", ConfigJson: `{"path":"/srv/other","free":true}`})
	if sdk.KindOf(err) != sdk.Invalid || !strings.Contains(err.Error(), "resident") {
		t.Errorf("a vault of its own: %v, want Invalid", err)
	}
	for _, name := range []string{"one", "two"} {
		if _, err := c.Configure(t.Context(), &pb.ConfigureRequest{Provider: name, ConfigJson: `{"free":true}`}); err != nil {
			t.Error(err)
		}
	}
	one, two := c.Provider("one"), c.Provider("two")
	req := orderFrom(t, one, "raw", 1<<27)
	v, err := one.CreateVolume(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := two.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()}); err != nil || same.GetPlace() != v.GetPlace() {
		t.Errorf("%v, %v", same, err)
	}
	if err := two.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: v.GetId()}); err != nil {
		t.Error(err)
	}
}

// The flags of serve, and what is wrong with them.
func TestServeFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "vault.json")
	if err := os.WriteFile(file, []byte(`{"path": "`+dir+`/a", "zone": "z1", "address": "10.0.0.7", /* one more */ "vaults": [{"path": "`+dir+`/b"}],}`), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.json")
	if err := os.WriteFile(empty, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, path, err := serveFlags([]string{"--config", file, "--vault", dir + "/c", "--listen", "unix:/run/x.sock"})
	if err != nil || path != "/run/x.sock" || len(config.all()) != 3 || config.all()[2].Name != "c" || config.zone() != "z1" {
		t.Errorf("%+v, %s, %v", config, path, err)
	}
	config, _, err = serveFlags([]string{
		"--config", file, "--listen", "unix:/x", "--address", "10.0.0.8", "--nfs-address", "10.0.0.7:2049", "--nfs-clients", "10.0.0.0/24", "--nfs-clients", "10.0.1.9",
	})
	if err != nil || config.Address != "10.0.0.8" || config.NFSAddress != "10.0.0.7:2049" || len(config.clients()) != 2 || config.zone() != "z1" {
		t.Errorf("%+v, %v", config, err)
	}
	if config, _, err := serveFlags([]string{"--listen", "unix:/run/x.sock"}); err != nil || config != nil {
		t.Errorf("without vaults: %v, %v", config, err)
	}
	for _, args := range [][]string{
		{},
		{"--listen", "tcp:1"},
		{"--listen", "unix:"},
		{"--listen", "unix:/x", "more"},
		{"--nope"},
		{"--listen", "unix:/x", "--config", dir + "/none"},
		{"--listen", "unix:/x", "--vault", "relative"},
		{"--listen", "unix:/x", "--address", "10.0.0.7"},
		{"--listen", "unix:/x", "--nfs-clients", "10.0.0.0/24"},
		{"--listen", "unix:/x", "--vault", "/a", "--address", "nowhere"},
		{"--listen", "unix:/x", "--vault", "/a", "--nfs-address", "10.0.0.7:2049"},
		{"--listen", "unix:/x", "--config", empty, "--address", "10.0.0.7"},
	} {
		if _, _, err := serveFlags(args); sdk.KindOf(err) != sdk.Invalid {
			t.Errorf("%v: %v, want Invalid", args, err)
		}
	}
}
