package sdk

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

var sameMoney = cmp.Comparer(func(a, b pricing.Money) bool { return a.String() == b.String() })

// overWire is a list after it was marshalled, unmarshalled and read.
func overWire(t testing.TB, l *pricing.List) *pricing.List {
	t.Helper()
	wire, err := proto.Marshal(PriceListToPB(l))
	if err != nil {
		t.Fatal(err)
	}
	var received pb.PriceList
	if err := proto.Unmarshal(wire, &received); err != nil {
		t.Fatal(err)
	}
	got, err := PriceListFromPB(&received)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// set gives every field of a struct a value of its own, those that are yet to
// come too; path tells them apart.
func set(t testing.TB, v reflect.Value, path string) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(1e9+len(path)), 123456789).UTC()))
		return
	case pricing.Money:
		v.Set(reflect.ValueOf(euro(t, "0.031611")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(path)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(path)))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		set(t, v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		set(t, v.Index(0), path)
	case reflect.Struct:
		for i := range v.NumField() {
			set(t, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("%s is a %s: say here what it can be", path, v.Kind())
	}
}

func euro(t testing.TB, amount string) pricing.Money {
	t.Helper()
	m, err := pricing.NewMoney(amount, "EUR")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wholeList has prices with every field set, and whatever they refer to.
func wholeList(t testing.TB) *pricing.List {
	t.Helper()
	var l pricing.List
	set(t, reflect.ValueOf(&l).Elem(), "list")
	p := l.Prices[0]
	p.Kind, p.Unit, p.Confidence = pricing.KindCompute, pricing.UnitHour, "high"
	b := p.Billing
	b.Stopped, b.Tiers[0].UpToPercent, b.Tiers[0].Factor = pricing.StoppedFree, 100, "0.8"
	b.SpotOf, b.Includes[0] = "demand", pricing.Inclusion{SKU: "disk", Amount: "25", PerMonth: b.Includes[0].PerMonth}
	b.CapHours = 0
	capped := p
	other := *b
	capped.SKU, capped.Billing, capped.Confidence = "capped", &other, "medium"
	other.Tiers, other.CapHours, other.Stopped, other.SpotOf = nil, 672, pricing.StoppedBilled, ""
	demand := pricing.Price{SKU: "demand", Kind: p.Kind, Unit: p.Unit, Amount: euro(t, "1"), Confidence: "low", Billing: &pricing.Billing{}}
	disk := pricing.Price{SKU: "disk", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: euro(t, "0"), Free: true, Source: "elsewhere"}
	l.Prices = []pricing.Price{p, capped, demand, disk}
	if err := l.Check(); err != nil {
		t.Fatalf("the sample is wrong itself: say above what a new field can be: %v", err)
	}
	return &l
}

// A field of a price that is not carried would be lost without a word.
func TestEverythingOfAPriceCrossesTheWire(t *testing.T) {
	sent := wholeList(t)
	if d := cmp.Diff(sent, overWire(t, sent), sameMoney); d != "" {
		t.Errorf("sent -, got +\n%s", d)
	}
}
