package kvm

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/inventory/inventorytest"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

var updateGolden = flag.Bool("update-offers", false, "write golden files of offers")

const offerConfig = `{
	"currency":"EUR","core_hour":"0.012","gib_hour":"0.002","disk_gib_month":"0.05","region":"fi","volume_dirs":["/srv/vault"],
	"groups":[
		{"name":"rack1","labels":{"room":"a"},"storage_networks":["san1","san2"],"hosts":[
			{"uri":"qemu+ssh://smt/system"},
			{"uri":"qemu+ssh://small/system","reserve_cores":1,"core_hour":"0.006","storage_networks":["san3"],"volume_dirs":[],"initiator_iqn":"iqn.2020-01.com.example:small"},
			{"uri":"qemu+ssh://gone/system"}]},
		{"name":"special","core_hour":"0.03","public_network":"default","hosts":[{"uri":"qemu+ssh://gpu/system"},{"uri":"qemu+ssh://arm64/system"}]},
		{"name":"test","free":true,"core_hour":"0","gib_hour":"0","disk_gib_month":"0","accelerator":"tcg","hosts":[{"uri":"qemu+tcp://lab/system"}]}],
	"images":[
		{"os_family":"linux","os_flavour":"debian12","file":"/srv/debian12.qcow2","min_disk_gib":4,` + imageSum + `},
		{"os_family":"linux","os_flavour":"big","file":"/srv/big.qcow2","min_disk_gib":45,"firmware":"efi",` + imageSum + `},
		{"os_family":"linux","os_flavour":"debian12","arch":"aarch64","file":"/srv/debian12-arm64.qcow2","min_disk_gib":20,` + imageSum + `}]}`

var offerTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func snapshots(t testing.TB, c *Config) []Snapshot {
	t.Helper()
	var out []Snapshot
	for _, s := range c.Sites() {
		if s.Zone == "gone" {
			out = append(out, Snapshot{Site: s, Err: errors.New("connect: no route to host")})
			continue
		}
		src := inventorytest.Source(t, s.Zone)
		src.Accelerator = s.Accelerator
		h, err := inventory.Build(src)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Snapshot{Site: s, Host: h})
	}
	return out
}

func askOffers(t testing.TB, req *pb.OfferRequest) *pb.OfferResponse {
	t.Helper()
	c := decode(t, offerConfig)
	list, err := c.PriceList(offerTime)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := Offers(c, list, snapshots(t, c), req, offerTime)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func offerRequest(change func(*pb.Pledge)) *pb.OfferRequest {
	p := &pb.Pledge{Slots: 1, MemoryMib: 2048, Archs: []string{"x86_64"}, OsFamily: "linux", BootDiskGib: 10}
	if change != nil {
		change(p)
	}
	return &pb.OfferRequest{Provider: "rack", Pledge: p, ForHours: 730}
}

func TestOffersGolden(t *testing.T) {
	for name, change := range map[string]func(*pb.Pledge){
		"plain":     nil,
		"threads":   func(p *pb.Pledge) { p.Slots, p.AllowSmt, p.Overprovision, p.MemoryMib = 4, true, 3, 1536 },
		"exclusive": func(p *pb.Pledge) { p.Slots, p.Overprovision = 2, 1 },
		"gpu":       func(p *pb.Pledge) { p.Pci = []*pb.PciRequest{{Vendor: "10de", Model: "1bb1", Count: 1}} },
		"arm":       func(p *pb.Pledge) { p.Archs, p.CpuFlags = []string{"aarch64"}, []string{"asimd"} },
		"strict": func(p *pb.Pledge) {
			p.Strict, p.RequireEcc, p.MinFrequencyMhz, p.CpuFlags = true, true, 2000, []string{"avx2"}
		},
		"unknown": func(p *pb.Pledge) { p.RequireEcc, p.MinFrequencyMhz, p.CpuFlags = true, 2000, []string{"avx2"} },
		"volumes": func(p *pb.Pledge) { p.Volumes = []*pb.VolumeRequest{{Vid: "v1"}} },
		"bootvolume": func(p *pb.Pledge) {
			p.OsFamily, p.OsFlavour, p.Volumes = "windows", "2025", []*pb.VolumeRequest{{Vid: "v1"}, {Vid: "root", Bootable: true}}
		},
		// One that is to be made is empty: the machine boots from its image, on a disk
		// that is paid for.
		"emptyvolume": func(p *pb.Pledge) { p.Volumes = []*pb.VolumeRequest{{Name: "root", SizeMib: 1 << 14, Bootable: true}} },
		"system":      func(p *pb.Pledge) { p.OsFlavour = "suse" },
		"image":       func(p *pb.Pledge) { p.OsFlavour = "big" },
		"public":      func(p *pb.Pledge) { p.PublicIpv4 = true },
		"mixed":       func(p *pb.Pledge) { p.OsFlavour, p.Archs = "big", []string{"aarch64", "x86_64"} },
		"huge":        func(p *pb.Pledge) { p.Slots, p.MemoryMib, p.BootDiskGib = 64, 1<<20, 5000 },
	} {
		t.Run(name, func(t *testing.T) { goldenOffers(t, name, askOffers(t, offerRequest(change))) })
	}
}

func goldenOffers(t *testing.T, name string, answer *pb.OfferResponse) {
	t.Helper()
	text, err := protojson.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	// protojson varies its white space on purpose.
	var got bytes.Buffer
	if err := json.Indent(&got, text, "", "\t"); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	file := filepath.Join("testdata", "offers", name+".golden.json")
	if *updateGolden {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

func zonesOf(offers []*pb.Offer) []string {
	var out []string
	for _, o := range offers {
		out = append(out, o.GetZone())
	}
	return out
}

func TestOffersAreOrderedByExactTotal(t *testing.T) {
	c := decode(t, offerConfig)
	list, err := c.PriceList(offerTime)
	if err != nil {
		t.Fatal(err)
	}
	answer := askOffers(t, offerRequest(nil))
	if diff := cmp.Diff([]string{"lab", "small", "smt", "gpu"}, zonesOf(answer.GetOffers())); diff != "" {
		t.Fatal(diff)
	}
	var last pricing.Money
	for _, o := range answer.GetOffers() {
		var quantities []pricing.Quantity
		for _, q := range o.GetQuantities() {
			quantities = append(quantities, pricing.Quantity{SKU: q.GetSku(), Amount: q.GetAmount(), Divisor: int64(q.GetDivisor())})
		}
		quote, err := list.Quote(quantities, pricing.Month)
		if err != nil {
			t.Fatal(err)
		}
		if o.GetPriceListRevision() != list.Revision || !o.GetExpiresAt().AsTime().Equal(offerTime.Add(60*time.Second)) {
			t.Errorf("%v", o)
		}
		if last.IsSet() {
			if n, _ := last.Cmp(quote.Total); n > 0 {
				t.Errorf("%s after %s", quote.Total, last)
			}
		}
		last = quote.Total
	}
	// One core shared by two: 730 × (0.012/2 + 2 × 0.002) + 10 × 0.05.
	smt := answer.GetOffers()[2]
	if smt.GetZone() != "smt" || smt.GetShape() != "1c-2048m-s2" || smt.GetVcpus() != 2 {
		t.Errorf("%v", smt)
	}
}

func TestASharedThirdIsExact(t *testing.T) {
	answer := askOffers(t, offerRequest(func(p *pb.Pledge) { p.Slots, p.AllowSmt, p.Overprovision, p.MemoryMib = 1, true, 3, 1536 }))
	i := slices.IndexFunc(answer.GetOffers(), func(o *pb.Offer) bool { return o.GetZone() == "smt" })
	if i < 0 {
		t.Fatal(answer)
	}
	q := answer.GetOffers()[i].GetQuantities()
	if q[0].GetAmount() != "1" || q[0].GetDivisor() != 6 || q[1].GetAmount() != "3" || q[1].GetDivisor() != 2 {
		t.Errorf("%v", q)
	}
}

func TestOneOfferAndSomeOffers(t *testing.T) {
	all := askOffers(t, offerRequest(nil)).GetOffers()
	for _, o := range all {
		req := offerRequest(nil)
		req.OfferId = o.GetId()
		one := askOffers(t, req).GetOffers()
		if len(one) != 1 || !proto.Equal(one[0], o) {
			t.Errorf("%s: %v", o.GetId(), one)
		}
	}
	req := offerRequest(nil)
	req.OfferId = "nowhere/1c-2048m/10g"
	a := askOffers(t, req)
	if !slices.ContainsFunc(a.GetReasons(), func(r *pb.Reason) bool { return r.GetField() == "offer_id" }) || len(a.GetOffers()) != 0 {
		t.Errorf("%v", a)
	}
	req = offerRequest(nil)
	req.Limit = 2
	if diff := cmp.Diff(zonesOf(all[:2]), zonesOf(askOffers(t, req).GetOffers())); diff != "" {
		t.Error(diff)
	}
	if id := all[0].GetId(); id != "lab/1c-2048m-s2/10g" {
		t.Errorf("ids are for ever: %s", id)
	}
}

func TestAnUnreachableHostIsAReason(t *testing.T) {
	reasons := askOffers(t, offerRequest(nil)).GetReasons()
	i := slices.IndexFunc(reasons, func(r *pb.Reason) bool { return r.GetCandidate() == "gone" })
	if i < 0 || reasons[i].GetField() != "host" || !strings.Contains(reasons[i].GetText(), "no route") {
		t.Errorf("%v", reasons)
	}
}

func TestSenselessRequestsAreErrors(t *testing.T) {
	c := decode(t, offerConfig)
	list, err := c.PriceList(offerTime)
	if err != nil {
		t.Fatal(err)
	}
	req := offerRequest(nil)
	req.ForHours = 1 << 30
	if a, err := Offers(c, list, nil, req, offerTime); err == nil {
		t.Errorf("%v", a)
	}
	if a, err := Offers(c, &pricing.List{Revision: "x"}, snapshots(t, c), offerRequest(nil), offerTime); err == nil {
		t.Errorf("offers without prices: %v", a)
	}
	if a, err := Offers(c, list, nil, &pb.OfferRequest{}, offerTime); err != nil || len(a.GetOffers()) > 0 {
		t.Errorf("an empty pledge and no hosts: %v, %v", a, err)
	}
}

func BenchmarkOffers100Hosts(b *testing.B) {
	c := decode(b, offerConfig)
	list, err := c.PriceList(offerTime)
	if err != nil {
		b.Fatal(err)
	}
	few := snapshots(b, c)
	var many []Snapshot
	for i := range 100 {
		s := few[i%len(few)]
		s.Site.Zone = fmt.Sprintf("%s-%d", s.Site.Zone, i)
		many = append(many, s)
	}
	for b.Loop() {
		if _, err := Offers(c, list, many, offerRequest(nil), offerTime); err != nil {
			b.Fatal(err)
		}
	}
}
