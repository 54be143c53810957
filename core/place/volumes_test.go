package place_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

func machineOn(t testing.TB, id, provider, host, hour, currency string) core.Quote {
	t.Helper()
	q := quote(t, id, provider, "z", hour, currency)
	q.Consumer = core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI, core.ConnectFile}, Host: host}
	return q
}

// disk is a quote of a volume: so much for the month.
func disk(t testing.TB, index int, id, provider, month, currency string, ways ...core.Exposure) core.VolumeCandidate {
	t.Helper()
	m, err := pricing.NewMoney(month, currency)
	if err != nil {
		t.Fatal(err)
	}
	list := pricing.List{Revision: "r-" + provider, Prices: []pricing.Price{{SKU: "gib", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: m}}}
	quantities := []pricing.Quantity{{SKU: "gib", Amount: "1", Text: "1 GiB"}}
	price, err := list.Quote(quantities, pricing.Month)
	if err != nil {
		t.Fatal(err)
	}
	if len(ways) == 0 {
		ways = []core.Exposure{{Kind: core.ConnectISCSI}}
	}
	return core.VolumeCandidate{Index: index, Provider: provider, Quote: &core.VolumeQuote{ID: id, Price: price, Offer: core.VolumeOffer{
		ID: id, Provider: provider, Exposures: ways, Quantities: quantities, ListRevision: list.Revision,
	}}}
}

func there(index int, provider string, v core.Volume) core.VolumeCandidate {
	v.ID, v.Provider = "vid", provider
	if v.State == "" {
		v.State = core.VolumeAvailable
	}
	if v.Exposures == nil {
		v.Exposures = []core.Exposure{{Kind: core.ConnectISCSI}}
	}
	return core.VolumeCandidate{Index: index, Provider: provider, Found: &v}
}

func newDisk() core.Pledge {
	return core.Pledge{Volumes: []core.VolumeRequest{{Name: "data", SizeMiB: 1024}}}
}

func oldDisk(readOnly bool) core.Pledge {
	return core.Pledge{Volumes: []core.VolumeRequest{{VID: "vid", ReadOnly: readOnly}}}
}

// Each machine gets the cheapest volume that it reaches, and costs the sum.
func TestVolumesArePairedByReach(t *testing.T) {
	quotes := []core.Quote{machineOn(t, "near", "rack", "h1", "0.02", "EUR"), machineOn(t, "far", "rack", "h2", "0.01", "EUR"), quote(t, "blind", "cloud", "z", "0.001", "EUR")}
	candidates := []core.VolumeCandidate{
		disk(t, 0, "cheap", "vault1", "1", "EUR", core.Exposure{Kind: core.ConnectFile, Host: "h1"}),
		disk(t, 0, "dear", "vault2", "3", "EUR"),
		disk(t, 0, "dearest", "vault1", "4", "EUR"),
		disk(t, 9, "of nothing", "vault1", "0.1", "EUR"),
	}
	for range 20 {
		rand.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
		paired, reasons := place.WithVolumes(quotes, newDisk(), candidates, nil)
		got := map[string]string{}
		for _, q := range paired {
			got[q.ID] = q.Volumes[0].Quote.ID + " by " + string(q.Volumes[0].Way.Kind) + " " + q.Price.Total.String() + ", alone " + q.Machine.Total.String()
		}
		want := map[string]string{"near": "cheap by file 15.6 EUR, alone 14.6 EUR", "far": "dear by iscsi 10.3 EUR, alone 7.3 EUR"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if len(reasons) != 1 || reasons[0].Provider != "cloud" || reasons[0].Field != "volumes[0]" || !strings.HasPrefix(reasons[0].Text, "volume data: vault1: it cannot be reached") {
			t.Fatalf("reasons: %+v", reasons)
		}
		if ranked := place.Rank(paired, place.Policy{}); ids(ranked.Quotes) != "far near" {
			t.Fatalf("ranked %s", ids(ranked.Quotes))
		}
	}
	if same, reasons := place.WithVolumes(quotes, core.Pledge{}, nil, nil); len(same) != 3 || reasons != nil {
		t.Errorf("without volumes: %d quotes, %+v", len(same), reasons)
	}
}

func TestVolumesThatCannotBeHad(t *testing.T) {
	use := core.VolumeUse{Attachment: "a-1-0", Holder: "web7", Writable: true}
	for name, c := range map[string]struct {
		pledge     core.Pledge
		candidates []core.VolumeCandidate
		want       string
	}{
		"nobody offers one":         {newDisk(), nil, "volume data: no storage provider offers one"},
		"nobody has it":             {oldDisk(false), nil, "volume vid: no storage provider that answered has it"},
		"somebody writes to it":     {oldDisk(false), []core.VolumeCandidate{there(0, "v", core.Volume{Uses: []core.VolumeUse{use}})}, "volume vid: v: it is in use by web7"},
		"read while one writes":     {oldDisk(true), []core.VolumeCandidate{there(0, "v", core.Volume{Uses: []core.VolumeUse{use}})}, "volume vid: v: it is in use by web7"},
		"read by several":           {oldDisk(true), []core.VolumeCandidate{there(0, "v", core.Volume{Uses: []core.VolumeUse{{Holder: "web7"}}})}, ""},
		"written while others read": {oldDisk(false), []core.VolumeCandidate{there(0, "v", core.Volume{Uses: []core.VolumeUse{{Holder: "web7"}}})}, "it is in use by web7"},
		"shared": {oldDisk(false), []core.VolumeCandidate{there(0, "v", core.Volume{
			VolumeSpec: core.VolumeSpec{Shareable: true}, Uses: []core.VolumeUse{use},
		})}, ""},
		"still being made": {oldDisk(false), []core.VolumeCandidate{there(0, "v", core.Volume{State: core.VolumeCreating})}, "it is creating"},
		"damaged":          {oldDisk(false), []core.VolumeCandidate{there(0, "v", core.Volume{Faults: []string{"cut short"}})}, "something is wrong with it: cut short"},
		"damaged, to read": {oldDisk(true), []core.VolumeCandidate{there(0, "v", core.Volume{Faults: []string{"cut short"}})}, ""},
		"out of reach": {oldDisk(false), []core.VolumeCandidate{there(0, "v", core.Volume{
			Exposures: []core.Exposure{{Kind: core.ConnectFile, Host: "h9"}},
		})}, "by file only from host h9"},
		"newer where it is not reached": {oldDisk(false), []core.VolumeCandidate{
			there(0, "v", core.Volume{Epoch: 3}), there(0, "w", core.Volume{Epoch: 4, Exposures: []core.Exposure{{Kind: core.ConnectRBD}}}),
		}, "v: it has newer contents elsewhere; w: it cannot be reached: the machine cannot use rbd"},
		"written last in two places": {
			oldDisk(false),
			[]core.VolumeCandidate{there(0, "w", core.Volume{Epoch: 4}), there(0, "u", core.Volume{Epoch: 3}), there(0, "v", core.Volume{Epoch: 4})},
			"volume vid: v and w have it with the same epoch 4, and none of them says who writes: use it with readonly, or remove all but one (meson volume rm PROVIDER/vid)",
		},
		"never written, in two places": {oldDisk(false), []core.VolumeCandidate{there(0, "v", core.Volume{}), there(0, "w", core.Volume{})}, "v and w have it with the same epoch 0"},
		"read in two places":           {oldDisk(true), []core.VolumeCandidate{there(0, "v", core.Volume{Epoch: 4}), there(0, "w", core.Volume{Epoch: 4})}, ""},
		"one place of two is read-only": {
			oldDisk(false),
			[]core.VolumeCandidate{there(0, "v", core.Volume{Epoch: 4}), there(0, "w", core.Volume{Epoch: 4, VolumeSpec: core.VolumeSpec{ReadOnly: true}})},
			"",
		},
		"another volume of that id": {
			oldDisk(true),
			[]core.VolumeCandidate{there(0, "v", core.Volume{Epoch: 4, Owner: core.Owner{Key: "a"}}), there(0, "w", core.Volume{Epoch: 3, Owner: core.Owner{Key: "b"}})},
			"volume vid: v and w each have a volume of this id, and not the same one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			paired, reasons := place.WithVolumes([]core.Quote{machineOn(t, "m", "rack", "h1", "0.01", "EUR")}, c.pledge, c.candidates, nil)
			switch {
			case c.want == "" && (len(paired) != 1 || len(reasons) != 0):
				t.Errorf("%d quotes, %+v", len(paired), reasons)
			case c.want != "" && (len(paired) != 0 || len(reasons) != 1 || !strings.Contains(reasons[0].Text, c.want)):
				t.Errorf("%d quotes, %+v; want %q", len(paired), reasons, c.want)
			}
		})
	}
}

// Of a volume in several places, that with the newest right to write is taken; a
// machine boots from the first that it can boot from.
func TestExistingVolumes(t *testing.T) {
	pledge := core.Pledge{Volumes: []core.VolumeRequest{{VID: "vid"}, {VID: "second"}}}
	boot := core.VolumeSpec{Bootable: true}
	paired, _ := place.WithVolumes([]core.Quote{machineOn(t, "m", "rack", "h1", "0.01", "EUR")}, pledge, []core.VolumeCandidate{
		there(0, "v", core.Volume{Epoch: 3, VolumeSpec: boot}), there(0, "w", core.Volume{Epoch: 4, VolumeSpec: boot}), there(1, "v", core.Volume{VolumeSpec: boot}),
	}, nil)
	if len(paired) != 1 {
		t.Fatal(paired)
	}
	q := paired[0]
	if q.Volumes[0].Provider != "w" || !q.Volumes[0].Boot || q.Volumes[1].Boot || q.Machine != nil || q.Price.Total.String() != "7.3 EUR" {
		t.Errorf("%+v at %s", q.Volumes, q.Price.Total)
	}
}

// A volume in another currency is converted at recorded rates; the whole can be
// computed again from its parts, and a changed part is noticed.
func TestVolumeInAnotherCurrency(t *testing.T) {
	rates := madeUp(t)
	machine, candidate := machineOn(t, "m", "rack", "h1", "0.01", "EUR"), disk(t, 0, "d", "vault", "3", "USD")
	paired, reasons := place.WithVolumes([]core.Quote{machine}, newDisk(), []core.VolumeCandidate{candidate}, rates)
	if len(paired) != 1 {
		t.Fatal(reasons)
	}
	q := paired[0]
	c := q.Volumes[0]
	if q.Price.Currency != "EUR" || c.FX == nil || c.FX.From != "USD" || c.Quote.Price.Native().String() != "3 USD" || q.Machine.Total.String() != "7.3 EUR" {
		t.Fatalf("%s, %+v", q.Price.Total, c)
	}
	sum, err := q.Machine.Total.Add(q.Price.Lines[1].Total)
	if err != nil || sum.String() != q.Price.Total.String() || q.Price.Lines[1].Native.Total.String() != "3 USD" || q.Price.Lines[1].Quantity.Text != "volume data at vault: 1 GiB" {
		t.Errorf("the sum of its lines is %s, %v, the total %s; %+v", sum, err, q.Price.Total, q.Price.Lines[1])
	}
	if paired, reasons = place.WithVolumes([]core.Quote{machine}, newDisk(), []core.VolumeCandidate{candidate}, nil); len(paired) != 0 || len(reasons) != 1 || !strings.Contains(reasons[0].Text, "no exchange rate") {
		t.Errorf("without rates: %d quotes, %+v", len(paired), reasons)
	}
}

// Where a volume is written is where its epoch is highest, whatever reaches the
// machine faster; to read, a place that the machine reaches is enough.
func TestVolumeInSeveralPlaces(t *testing.T) {
	near := core.Exposure{Kind: core.ConnectFile, Host: "h1"}
	candidates := []core.VolumeCandidate{
		there(0, "old", core.Volume{Epoch: 3, Exposures: []core.Exposure{near}}), there(0, "new", core.Volume{Epoch: 4}),
	}
	machine := []core.Quote{machineOn(t, "m", "rack", "h1", "0.01", "EUR")}
	for _, readOnly := range []bool{false, true} {
		paired, reasons := place.WithVolumes(machine, oldDisk(readOnly), candidates, nil)
		if len(paired) != 1 || paired[0].Volumes[0].Provider != "new" || paired[0].Volumes[0].ReadOnly != readOnly {
			t.Errorf("readonly %v: %+v, %+v", readOnly, paired, reasons)
		}
	}
	candidates[1].Found.Exposures = []core.Exposure{{Kind: core.ConnectRBD}}
	if paired, reasons := place.WithVolumes(machine, oldDisk(false), candidates, nil); len(paired) != 0 || !strings.Contains(reasons[0].Text, "; old: it has newer contents elsewhere") {
		t.Errorf("written to an old place: %+v, %+v", paired, reasons)
	}
	if paired, reasons := place.WithVolumes(machine, oldDisk(true), candidates, nil); len(paired) != 1 || paired[0].Volumes[0].Provider != "old" {
		t.Errorf("read where it is reached: %+v, %+v", paired, reasons)
	}
}
