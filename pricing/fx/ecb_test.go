package fx_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/pricing/fx"
)

func madeUp(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/made-up.xml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseECB(t *testing.T) {
	r, err := fx.ParseECB(madeUp(t), "a test", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Base() != "EUR" || r.AsOf().Format(time.DateOnly) != "2001-02-03" || r.Source() != "a test" {
		t.Errorf("got %s of %s from %s", r.Base(), r.AsOf(), r.Source())
	}
	if diff := cmp.Diff([]string{"CHF", "EUR", "GBP", "JPY", "USD"}, r.Currencies()); diff != "" {
		t.Error(diff)
	}
	for code, want := range map[string]string{"EUR": "1", "USD": "1.25", "JPY": "160.5"} {
		if got, err := r.Rate(code); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", code, got, err, want)
		}
	}
}

func TestParseECBRefuses(t *testing.T) {
	good := string(madeUp(t))
	change := func(from, to string) string {
		t.Helper()
		if !strings.Contains(good, from) {
			t.Fatalf("%q is not in the file", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, c := range map[string]struct{ file, want string }{
		"nothing":         {"", "no dated rates"},
		"a web page":      {"<html></html>", "want <gesmes:Envelope>"},
		"cut off":         {good[:len(good)/2], "XML"},
		"no date":         {change(" time='2001-02-03'", ""), "below a day"},
		"a bad date":      {change("2001-02-03", "03.02.2001"), "want a date"},
		"tomorrow":        {change("2001-02-03", "2031-02-03"), "yet to come"},
		"two days":        {change("<Cube currency='USD'", "<Cube time='2001-02-04'/><Cube currency='USD'"), "a second day"},
		"a negative rate": {change("1.25", "-1.25"), `"-1.25" of USD`},
		"zero":            {change("1.25", "0"), `"0" of USD`},
		"not a number":    {change("1.25", "NaN"), `"NaN" of USD`},
		"an exponent":     {change("1.25", "1e5"), `"1e5" of USD`},
		"a comma":         {change("1.25", "1,25"), `"1,25" of USD`},
		"no rate":         {change(" rate='1.25'", ""), "want both"},
		"unknown money":   {change("'USD'", "'XQQ'"), `"XQQ"`},
		"twice":           {change("'JPY'", "'USD'"), "twice"},
		"the euro":        {change("'JPY'", "'EUR'"), "against itself"},
		"an entity":       {change("<gesmes:Envelope", `<!DOCTYPE x [<!ENTITY a "b">]><gesmes:Envelope`), "document type"},
		"deep":            {change("<Cube currency='USD' rate='1.25'/>", strings.Repeat("<a>", 20)+strings.Repeat("</a>", 20)), "deep"},
		"many":            {change("<Cube currency='USD' rate='1.25'/>", strings.Repeat("<Cube/>", 300)), "more than 200"},
		"long":            {good + strings.Repeat(" ", fx.MaxBytes), "at most"},
		"another charset": {change("UTF-8", "UTF-16"), "want UTF-8"},
	} {
		if _, err := fx.ParseECB([]byte(c.file), "a test", time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	_, err := fx.ParseECB([]byte(strings.NewReplacer("1.25", "x", "'JPY'", "'ABC'").Replace(good)), "a test", time.Time{})
	if err == nil || !strings.Contains(err.Error(), "USD") || !strings.Contains(err.Error(), "ABC") {
		t.Errorf("not all faults at once: %v", err)
	}
}

func TestPinned(t *testing.T) {
	r := fx.Pinned()
	if rate, err := r.Rate("USD"); err != nil || rate != "1.1133" || r.AsOf().IsZero() || r.Source() == "" {
		t.Errorf("a euro buys %s USD on %s, %v", rate, r.AsOf(), err)
	}
	if _, err := r.Rate("GBP"); err == nil {
		t.Error("a rate that nobody gave")
	}
}

func FuzzParseECB(f *testing.F) {
	f.Add(madeUp(f))
	f.Add([]byte("<Envelope><Cube time='2001-02-03'><Cube currency='USD' rate='1'/></Cube></Envelope>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := fx.ParseECB(data, "fuzz", time.Time{})
		if err != nil {
			return
		}
		if len(r.Currencies()) < 2 || r.AsOf().IsZero() {
			t.Fatalf("accepted without rates or a date: %q", data)
		}
	})
}
