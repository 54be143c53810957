package iscsi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// serving is a resident part with nothing but flags, as a server has one: with its own
// /run and processes, so that its daemons are where they are by default and end with it.
func serving(t *testing.T, flags ...string) *resident {
	t.Helper()
	dir := t.TempDir()
	vault := filepath.Join(dir, "vault")
	if err := os.Mkdir(vault, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &resident{
		t: t, socket: filepath.Join(dir, "s"), args: append([]string{"--vault", vault}, flags...),
		under: []string{"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", `mount -t tmpfs none /run && exec "$@"`, "sh"},
	}
	t.Cleanup(func() {
		if r.cmd != nil {
			r.kill()
		}
	})
	return r
}

// A server is told by flags alone what machines of other hosts need: by the command of
// the README, and a provider that says its prices, a volume is written and read over
// iSCSI.
func TestServeReachesOtherHosts(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io", "unshare")
	p := serving(t, "--address", "127.0.0.1").dialled()
	req := orderFrom(t, p, "raw", 1<<27)
	v, err := p.CreateVolume(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
	if err != nil || x.GetConnection().GetIscsi() == nil {
		t.Fatalf("%v, %v, want a connection over iSCSI", x, err)
	}
	if out, err := qemuIO(t.Context(), x.GetConnection(), "write -P 3 1M 64k", "flush", "read -P 3 1M 64k"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(v.GetPlace(), "data.img"))
	if err != nil || len(data) < 1<<20+1<<16 || data[1<<20] != 3 {
		t.Errorf("what was written is not in the vault: %d bytes, %v", len(data), err)
	}
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
		t.Error(err)
	}
}

// saysOfAddress is what a provider that has no address says to a user: when it is tested, asked
// for a volume, and asked to serve one.
func saysOfAddress(t *testing.T, p *Provider) []string {
	t.Helper()
	items, err := p.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, item := range items {
		if item.GetSubject() == "iscsi" {
			out = append(out, item.GetHint())
		}
	}
	for _, no := range p.config.refusals(&pb.OfferVolumeRequest{Spec: &pb.VolumeSpec{SizeBytes: 1 << 27}}) {
		out = append(out, no.GetText())
	}
	if _, err = p.store.portal(t.Context(), nil, nil); err != nil {
		e, _ := err.(*sdk.Error)
		out = append(out, e.Hint)
	}
	return out
}

// Without an address no machine of another host is served, and what says so says where
// it is set: with the resident part, or with the provider where it has its own vaults.
func TestWhereAnAddressIsSet(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	file := filepath.Join(dir, "vault.json")
	if err := os.WriteFile(file, []byte(`{"host_uuid": "none"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	vault := filepath.Join(dir, "vault")
	if err := os.Mkdir(vault, 0o755); err != nil {
		t.Fatal(err)
	}
	c, _, err := serveFlags([]string{"--listen", "unix:/x", "--config", file, "--vault", vault})
	if err != nil {
		t.Fatal(err)
	}
	s, err := openStore(t.Context(), c, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	own := *c
	own.ofResident = false
	p := join("v", &JoinedConfig{Region: "local", Free: true}, log, Hooks{}, s)
	for _, one := range []struct {
		config *Config
		want   []string
	}{
		{&own, []string{"set address", "the provider's settings have no address or host_uuid, so nobody could reach it", "set address"}},
		{c, []string{
			"start the resident part with `serve --address`, or with address in the file of its --config",
			"the resident part's settings have no address or host_uuid, so nobody could reach it",
			"start the resident part with `serve --address`, or with address in the file of its --config",
		}},
	} {
		s.config, p.config = one.config, (&JoinedConfig{Free: true}).at(one.config)
		if got := saysOfAddress(t, p); !slices.Equal(got, one.want) {
			t.Errorf("%q, want %q", got, one.want)
		}
	}
}

// What a provider that connects says is taken, or a fault that says where it belongs:
// none of its settings is passed over.
func TestSettingsOfWhoConnects(t *testing.T) {
	t.Parallel()
	home := &Config{Path: "/srv/vault", Region: "fi", Zone: "store1", Address: "10.0.0.7", Format: "raw", Free: true, ofResident: true}
	taken := map[string]any{
		"region": "de", "zone": "store2", "currency": "EUR", "gib_month": "0.04", "raw_gib_month": "0.05", "shared_gib_month": "0.06", "free": true,
	}
	all := map[string]any{}
	var want []string
	for i := range reflect.TypeFor[Config]().NumField() {
		field := reflect.TypeFor[Config]().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if all[name] = taken[name]; all[name] != nil || name == "" {
			delete(all, "")
			continue
		}
		// Also what is the default is said, and would not be heard.
		value := any(field.Tag.Get("default"))
		switch field.Type.Kind() {
		case reflect.Slice:
			value = []string{"10.0.0.0/24"}
		case reflect.Int, reflect.Int64:
			value = json.Number(field.Tag.Get("default"))
		}
		if name == "vaults" {
			value = []map[string]any{{"path": "/srv/other"}}
		}
		all[name], want = value, append(want, name)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sdk.DecodeConfig[JoinedConfig](text, nil)
	e, ok := err.(*sdk.Error)
	if !ok || e.Kind != sdk.Invalid || len(want) < 15 {
		t.Fatalf("%v, want faults", err)
	}
	var got []string
	for _, f := range e.Faults {
		got = append(got, f.Path)
		if !strings.Contains(f.Text, "resident part") || !strings.Contains(f.Text, "--config") {
			t.Errorf("%s: %s", f.Path, f.Text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("faults of %q, want %q", got, want)
	}
	if text, err = json.Marshal(taken); err != nil {
		t.Fatal(err)
	}
	c, err := sdk.DecodeConfig[JoinedConfig](text, nil)
	if err != nil {
		t.Fatal(err)
	}
	have := fmt.Sprintf("%+v", *c.at(home))
	if want := fmt.Sprintf("%+v", Config{
		Path: "/srv/vault", Region: "de", Zone: "store2", Address: "10.0.0.7", Format: "raw", ofResident: true,
		Currency: "EUR", GiBMonth: "0.04", RawGiBMonth: "0.05", SharedGiBMonth: "0.06", Free: true,
	}); have != want {
		t.Errorf("%s, want %s", have, want)
	}
	if c, err = sdk.DecodeConfig[JoinedConfig]([]byte(`{"free": true}`), nil); err != nil || c.at(home).Zone != "store1" {
		t.Errorf("%+v, %v: want the resident part's zone", c, err)
	}
	if _, err = sdk.DecodeConfig[JoinedConfig]([]byte(`{"region": "de"}`), nil); err == nil || !strings.Contains(err.Error(), "gib_month") {
		t.Errorf("without a price: %v", err)
	}
}

// Every flag of serve is told by --help, which is no fault.
func TestServeHelp(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "serve", "--help")
	cmd.Env = append(os.Environ(), childEnv+"=plugin")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--listen", "--config", "--vault", "--address", "--nfs-address", "--nfs-clients"} {
		if !strings.Contains(string(out), flag+" ") {
			t.Errorf("%s is not told: %s", flag, out)
		}
	}
}
