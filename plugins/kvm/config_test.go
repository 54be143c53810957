package kvm

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	imageSum  = `"sha256":"0000000000000000000000000000000000000000000000000000000000000000"`
	priceList = `"currency":"EUR","core_hour":"0.012","gib_hour":"0.002","disk_gib_month":"0.05"`
)

func decode(t testing.TB, text string) *Config {
	t.Helper()
	c, err := sdk.DecodeConfig[Config]([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShortForm(t *testing.T) {
	c := decode(t, `{"uri":"qemu:///system",`+priceList+`}`)
	want := fit.Limits{ReserveMemoryMiB: 512, DefaultOverprovision: 2, Pool: "default", Network: "default"}
	s, ok := c.Site("local")
	if !ok || len(c.Sites()) != 1 || s.Region != "local" || s.Group != "default" || s.Accelerator != "auto" || s.SKUPrefix != "default" {
		t.Fatalf("%+v", c.Sites())
	}
	if diff := cmp.Diff(want, s.Limits); diff != "" {
		t.Error(diff)
	}
	if c := decode(t, `{"uri":"qemu:///session","free":true}`); len(c.Sites()) != 1 {
		t.Errorf("free and without prices: %+v", c)
	}
}

func TestWhatIsLeftOutIsInherited(t *testing.T) {
	c := decode(t, `{"region":"fi","pool":"fast","reserve_cores":1,"overprovision":3,`+priceList+`,"groups":[
		{"name":"old","region":"se","accelerator":"tcg","reserve_memory_mib":0,"labels":{"rack":"r1"},"public_network":"pub","hosts":[
			{"uri":"qemu+ssh://root@KVM1.example.com:2222/system"},
			{"uri":"qemu+tls://[fd00::1]/system","name":"v6","reserve_cores":0,"network":"lan","core_hour":"0.02"}]},
		{"name":"new","overprovision":1,"core_hour":"0.05","hosts":[{"uri":"qemu+tcp://10.0.0.1/system?foo=1","pool":"slow"}]}]}`)
	sites := c.Sites()
	if len(sites) != 3 {
		t.Fatalf("%+v", sites)
	}
	first, second, third := sites[0], sites[1], sites[2]
	if first.Zone != "kvm1.example.com" || first.Region != "se" || first.Accelerator != "tcg" || first.Labels["rack"] != "r1" || first.PublicNetwork != "pub" ||
		first.Limits != (fit.Limits{ReserveCores: 1, DefaultOverprovision: 3, Pool: "fast", Network: "default"}) || first.SKUPrefix != "old" {
		t.Errorf("%+v", first)
	}
	if second.Zone != "v6" || second.Limits.ReserveCores != 0 || second.Limits.Network != "lan" || second.SKUPrefix != "old/v6" {
		t.Errorf("%+v", second)
	}
	if third.Zone != "10.0.0.1" || third.Region != "fi" || third.Limits != (fit.Limits{ReserveCores: 1, ReserveMemoryMiB: 512, DefaultOverprovision: 1, Pool: "slow", Network: "default"}) {
		t.Errorf("%+v", third)
	}
	list, err := c.PriceList(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for sku, amount := range map[string]string{
		"old/core-hour": "0.012", "old/v6/core-hour": "0.02", "old/v6/gib-hour": "0.002", "new/core-hour": "0.05", "new/disk-gib-month": "0.05",
	} {
		if p, ok := list.Find(sku); !ok || p.Amount.Amount() != amount {
			t.Errorf("%s: %v, want %s", sku, p.Amount, amount)
		}
	}
}

// What a host reaches volumes by is inherited like the rest, and its iSCSI name
// follows from its UUID unless one is given.
func TestConsumer(t *testing.T) {
	c := decode(t, `{`+priceList+`,"uri":"qemu:///system","initiator_iqn":"iqn.2020-01.x:top","storage_networks":["san1"],"volume_dirs":["/srv/top"],"groups":[
		{"name":"a","storage_networks":["san2"],"volume_dirs":["/srv/a"],"hosts":[{"uri":"qemu+tcp://a/system"},{"uri":"qemu+tcp://b/system","storage_networks":[],"volume_dirs":[],"initiator_iqn":"iqn.2020-01.x:b"}]}]}`)
	var have []string
	for _, s := range c.Sites() {
		told := s.consumer("rack", "u-"+s.Zone, s.Zone == "a")
		have = append(have, strings.Join(append(told.GetNetworks(), told.GetHost(), told.GetInitiatorIqn(), told.GetProvider()+"/"+told.GetZone()), " "))
		if nfs := slices.Contains(told.GetKinds(), pb.ConnectionKind_CONNECTION_KIND_NFS); nfs != told.GetGuestMounts() || nfs != (s.Zone == "a") || len(told.GetKinds()) < 2 {
			t.Errorf("%s: %v", s.Zone, told)
		}
	}
	want := []string{"san1 u-local iqn.2020-01.x:top rack/local", "san2 u-a iqn.2026-01.dev.meson:host-u-a rack/a", " iqn.2020-01.x:b rack/b"}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("(-want +have):\n%s", d)
	}
	for i, want := range []string{"/srv/top", "/srv/a", ""} {
		s := c.Sites()[i]
		told := s.consumer("rack", "u", false)
		// Files of another machine than Meson's cannot be looked at; sockets need not be.
		if file := slices.Contains(told.GetKinds(), pb.ConnectionKind_CONNECTION_KIND_FILE); strings.Join(s.VolumeDirs, " ") != want || file != (i == 0) || (told.GetHost() == "u") != (want != "") {
			t.Errorf("%s, volumes below %q, want %q: %v", s.Zone, s.VolumeDirs, want, told)
		}
		if told := s.consumer("rack", "", false); slices.Contains(told.GetKinds(), pb.ConnectionKind_CONNECTION_KIND_FILE) {
			t.Errorf("%s takes files of a host without a UUID: %v", s.Zone, told)
		}
	}
	if s := c.Sites()[1]; s.initiator("") != "" {
		t.Errorf("a host without a UUID is called %s", s.initiator(""))
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	for _, test := range []struct {
		name, config string
		want         []string // paths
	}{
		{"nothing", `{}`, []string{"uri"}},
		{"no prices", `{"uri":"qemu:///system"}`, []string{"core_hour", "gib_hour", "disk_gib_month", "currency"}},
		{"zero is not free", `{"uri":"qemu:///system","currency":"EUR","core_hour":"0","gib_hour":"0.1","disk_gib_month":"0.00"}`, []string{"core_hour", "disk_gib_month"}},
		{"no numbers", `{"uri":"qemu:///system","currency":"euro","core_hour":"-1","gib_hour":"NaN","disk_gib_month":"1e3"}`, []string{"core_hour", "gib_hour", "disk_gib_month", "currency"}},
		{"hosts", `{` + priceList + `,"name":"x","groups":[
			{"name":"a","labels":{"Bad Key":"x"},"hosts":[{"uri":"xen:///system"},{"uri":"qemu+ssh:///system"},{"uri":"qemu+ssh://u:pw@h/system"},{"uri":"qemu:///elsewhere"},{"uri":"test://"}]},
			{"name":"a","hosts":[{"uri":"qemu:///system"},{"uri":"qemu:///session"},{"uri":"qemu:///system","name":"again"},{"uri":"qemu+tcp://under_score/system"}]},
			{"name":"empty","hosts":[]}]}`, []string{
			"name", "groups[0].labels", "groups[1].name", "groups[2].hosts",
			"groups[0].hosts[0].uri", "groups[0].hosts[1].uri", "groups[0].hosts[2].uri", "groups[0].hosts[3].uri", "groups[0].hosts[4].uri",
			"groups[1].hosts[1].name", "groups[1].hosts[2].uri", "groups[1].hosts[3].name",
		}},
		{"currencies", `{"groups":[
			{"name":"a",` + priceList + `,"hosts":[{"uri":"qemu+tcp://a/system"}]},
			{"name":"b","currency":"USD","core_hour":"1","gib_hour":"1","disk_gib_month":"1","hosts":[{"uri":"qemu+tcp://b/system"}]},
			{"name":"c","core_hour":"1","gib_hour":"1","disk_gib_month":"1","hosts":[{"uri":"qemu+tcp://c/system"}]}]}`, []string{"groups[1].currency", "groups[2].currency"}},
		{"consoles for the world", `{"vnc_listen":"0.0.0.0",` + priceList + `,"groups":[
			{"name":"a","hosts":[{"uri":"qemu+tcp://a/system","vnc_listen":"203.0.113.7"},{"uri":"qemu+tcp://b/system","vnc_listen":"10.0.0.2"}]}]}`, []string{
			"vnc_listen", "groups[0].hosts[0].vnc_listen",
		}},
		{"images", `{"uri":"qemu:///system","free":true,"images":[
			{"os_family":"linux",` + imageSum + `},
			{"os_family":"linux","os_flavour":"b","file":"a.img",` + imageSum + `},
			{"os_family":"linux","os_flavour":"c","file":"/a","url":"https://x/y",` + imageSum + `},
			{"os_family":"linux","os_flavour":"c","url":"ftp://x/y",` + imageSum + `}]}`, []string{
			"images[0].file", "images[1].file", "images[2].url", "images[3].url", "images[3].os_flavour",
		}},
		{"storage", `{` + priceList + `,"initiator_iqn":"iqn.2020-01.x:top","storage_networks":["san","San"],"groups":[
			{"name":"a","storage_networks":["x","x"],"hosts":[{"uri":"qemu+tcp://a/system","initiator_iqn":"iqn.2020-01.x:h"},
				{"uri":"qemu+tcp://b/system","initiator_iqn":"iqn.2020-01.x:h","storage_networks":[""]}]}]}`, []string{
			"initiator_iqn", "storage_networks[1]", "groups[0].storage_networks[1]", "groups[0].hosts[1].initiator_iqn", "groups[0].hosts[1].storage_networks[0]",
		}},
		{"directories", `{` + priceList + `,"uri":"qemu:///system","volume_dirs":["/srv/a","/","srv","/srv/../etc","/srv/b/","/srv/a"],"groups":[
			{"name":"a","volume_dirs":[""],"hosts":[{"uri":"qemu+tcp://a/system","volume_dirs":["/a\nb"]}]}]}`, []string{
			"volume_dirs[1]", "volume_dirs[2]", "volume_dirs[3]", "volume_dirs[4]", "volume_dirs[5]", "groups[0].volume_dirs[0]", "groups[0].hosts[0].volume_dirs[0]",
		}},
		{"by themselves", `{"uri":"qemu:///system","free":true,"accelerator":"xen","overprovision":11,"reserve_cores":-1,"images":[
			{"os_family":"dos","file":"/a","sha256":"ABC","format":"vmdk"}]}`, []string{
			"accelerator", "overprovision", "reserve_cores", "images[0].os_family", "images[0].sha256", "images[0].format",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := sdk.DecodeConfig[Config]([]byte(test.config), nil)
			fault, ok := err.(*sdk.Error)
			if !ok || fault.Kind != sdk.Invalid {
				t.Fatalf("%v", err)
			}
			got := map[string]bool{}
			for _, f := range fault.Faults {
				got[f.Path] = true
				if f.Want == "" || f.Text == "" {
					t.Errorf("%+v says too little", f)
				}
				if strings.Contains(f.Have+f.Text, "pw@") {
					t.Errorf("a password is shown: %+v", f)
				}
			}
			want := map[string]bool{}
			for _, path := range test.want {
				want[path] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%v", diff, err)
			}
		})
	}
}

func TestURIs(t *testing.T) {
	for uri, ok := range map[string]bool{
		"qemu:///system": true, "qemu:///session": true, "qemu:///system?socket=/run/x": true, "qemu+ssh://root@kvm1/system": true,
		"qemu+tls://kvm1:16514/system?pkipath=/x": true, "qemu+tcp://10.0.0.1/system": true, "test:///default": true, "test:///srv/test.xml": true,
		"": false, "qemu://kvm1/system": false, "qemu+ext://kvm1/system": false, "http://kvm1/system": false, "qemu:/x": false, "qemu:///system#x": false,
		"%": false, "test://host/default": false,
	} {
		if want := wrongURI(uri); (want == "") != ok {
			t.Errorf("%s: want %q", uri, want)
		}
	}
}

func TestRevisionNamesThePricesAlone(t *testing.T) {
	revision := func(config string, at time.Time) string {
		list, err := decode(t, config).PriceList(at)
		if err != nil {
			t.Fatal(err)
		}
		if list.Source != "provider configuration" || !list.AsOf.Equal(at) {
			t.Errorf("%+v", list)
		}
		return list.Revision
	}
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	a := revision(`{"uri":"qemu:///system",`+priceList+`}`, now)
	if b := revision(`{"uri":"qemu:///session","name":"x","reserve_cores":4,`+priceList+`}`, now.Add(time.Hour)); a != b {
		t.Errorf("the same prices are %s and %s", a, b)
	}
	if b := revision(strings.Replace(`{"uri":"qemu:///system",`+priceList+`}`, "0.05", "0.06", 1), now); a == b {
		t.Error("other prices are the same list")
	}
	free, err := decode(t, `{"uri":"qemu:///system","free":true,"core_hour":"0.01"}`).PriceList(now)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range free.Prices {
		if p.Free != (p.SKU != "default/core-hour") {
			t.Errorf("%+v", p)
		}
	}
}

func TestImage(t *testing.T) {
	c := decode(t, `{"uri":"qemu:///system","free":true,"images":[
		{"os_family":"linux","os_flavour":"debian12","file":"/d",`+imageSum+`},{"os_family":"linux","os_flavour":"alma9","file":"/a",`+imageSum+`},{"os_family":"bsd","file":"/b",`+imageSum+`}]}`)
	for ask, want := range map[[2]string]string{
		{"", ""}: "linux/debian12", {"linux", ""}: "linux/debian12", {"linux", "alma9"}: "linux/alma9", {"Linux", "Alma9"}: "linux/alma9",
		{"bsd", ""}: "bsd", {"bsd", "freebsd"}: "", {"windows", ""}: "", {"", "alma9"}: "linux/alma9",
	} {
		im, ok := c.Image(ask[0], ask[1])
		if ok != (want != "") || (ok && im.Label() != want) {
			t.Errorf("%v: %+v", ask, im)
		}
	}
	if im, _ := c.Image("bsd", ""); im.Format != "qcow2" || im.Firmware != "bios" {
		t.Errorf("defaults: %+v", im)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(`{"uri":"qemu:///system",` + priceList + `}`)
	f.Add(`{"uri":"qemu:///system",` + rest + `,` + costJSON(nil) + `}`)
	f.Add(`{` + rest + `,` + costJSON(nil) + `,"groups":[{"name":"a",` + both + `,"hosts":[{"uri":"qemu+ssh://h/system"}]}]}`)
	f.Add(`{"free":true,"groups":[{"name":"a","hosts":[{"uri":"qemu+ssh://h/system"}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := sdk.DecodeConfig[Config]([]byte(text), nil)
		if err != nil {
			return
		}
		if len(c.Sites()) == 0 {
			t.Error("no host and no fault")
		}
		if _, err := c.PriceList(time.Time{}); err != nil {
			out, _ := json.Marshal(c)
			t.Errorf("no fault, and no price list: %v in %s", err, out)
		}
	})
}
