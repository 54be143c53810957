package pricing_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// Every field of a list, a price and its rules counts, but for when the list was
// read: a field that is added and not looked at fails here.
func TestSameLooksAtEverything(t *testing.T) {
	fresh := func() *pricing.List {
		l := list(t, billed(price(t, "core", pricing.KindCompute, pricing.UnitHour, "1"), n1()), price(t, "disk", pricing.KindDisk, pricing.UnitGiBMonth, "0.1"))
		return l
	}
	read := fresh()
	read.AsOf = read.AsOf.Add(time.Hour)
	read.Prices[0].Amount = money(t, "1.00", "EUR")
	if !fresh().Same(read) {
		t.Error("the same list read later is another")
	}
	check := func(what string, l *pricing.List) {
		t.Helper()
		if fresh().Same(l) || l.Same(fresh()) {
			t.Errorf("another %s is the same", what)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[pricing.List]()) {
		l := fresh()
		if change(t, reflect.ValueOf(l).Elem().FieldByIndex(f.Index)) && f.Name != "AsOf" {
			check("List."+f.Name, l)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[pricing.Price]()) {
		l := fresh()
		if change(t, reflect.ValueOf(&l.Prices[0]).Elem().FieldByIndex(f.Index)) {
			check("Price."+f.Name, l)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[pricing.Billing]()) {
		l := fresh()
		rules := *l.Prices[0].Billing
		if change(t, reflect.ValueOf(&rules).Elem().FieldByIndex(f.Index)) {
			l.Prices[0].Billing = &rules
			check("Billing."+f.Name, l)
		}
	}
	l := fresh()
	l.Prices[0].Amount = money(t, "1", "USD")
	check("currency", l)
	l = fresh()
	l.Prices[0].Billing = nil
	check("billing", l)
	l = fresh()
	slices.Reverse(l.Prices)
	check("order", l)
}

// change gives a field another value.
func change(t *testing.T, v reflect.Value) bool {
	t.Helper()
	switch value := v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(value.Add(time.Hour)))
	case pricing.Money:
		v.Set(reflect.ValueOf(money(t, "1.01", "EUR")))
	case []pricing.Price:
		v.Set(reflect.ValueOf(value[:1]))
	case []pricing.Tier:
		v.Set(reflect.ValueOf(append(value[:0:0], pricing.Tier{UpToPercent: 100, Factor: "0.5"})))
	case []pricing.Inclusion:
		v.Set(reflect.ValueOf([]pricing.Inclusion{{SKU: "disk", Amount: "1"}}))
	case *pricing.Billing:
		return false
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Bool:
			v.SetBool(!v.Bool())
		default:
			t.Fatalf("no other value of %s is known", v.Type())
		}
	}
	return true
}
