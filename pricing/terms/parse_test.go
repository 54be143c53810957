package terms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/terms"
)

const whole = `# as agreed
tax_note: "prices without VAT"
rules:
  - {name: allocation fee, stage: operator_fee, percent: "7"}
  - {name: framework contract, stage: discount, percent: 12.50, families: [n2], from: 2026-01-01, until: 2027-01-01T12:30:00+02:00}
  - name: contract 4711
    stage: contract
    contract: 0.0000125 USD
    kinds: [compute, memory]
    skus: [core, 0815]
  - {name: rebate, stage: rebate, amount: {currency: EUR, amount: 1.50}, unit: month}
`

func wholeTerms(t testing.TB) pricing.Terms {
	money := func(amount, code string) pricing.Money {
		m, err := pricing.NewMoney(amount, code)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	return pricing.Terms{TaxNote: "prices without VAT", Rules: []pricing.Rule{
		{Name: "allocation fee", Stage: pricing.StageOperatorFee, Percent: "7"},
		{
			Name: "framework contract", Stage: pricing.StageDiscount, Percent: "12.50", Families: []string{"n2"},
			From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 1, 10, 30, 0, 0, time.UTC),
		},
		{
			Name: "contract 4711", Stage: pricing.StageContract, Contract: money("0.0000125", "USD"),
			Kinds: []pricing.Kind{pricing.KindCompute, pricing.KindMemory}, SKUs: []string{"core", "0815"},
		},
		{Name: "rebate", Stage: pricing.StageRebate, Amount: money("1.5", "EUR"), Unit: pricing.PerMonth},
	}}
}

func differ(got, want pricing.Terms) string {
	return cmp.Diff(want, got, cmp.Comparer(func(a, b pricing.Money) bool { return a.String() == b.String() }))
}

// YAML by hand and the JSON that programs write say the same.
func TestParse(t *testing.T) {
	t.Parallel()
	want := wholeTerms(t)
	written, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"yaml": whole, "json": string(written)} {
		got, err := terms.Parse([]byte(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := differ(got, want); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, empty := range []string{"{}", "rules: []", "rules:\ntax_note:", "---\n{}\n...\n"} {
		if got, err := terms.Parse([]byte(empty)); err != nil || !got.IsZero() {
			t.Errorf("%q: %v, %v: want terms of nothing", empty, got, err)
		}
	}
}

// All faults are named at once, with the line or the rule.
func TestParseFaults(t *testing.T) {
	t.Parallel()
	faults(t, `
tax: none
rules:
  - {name: a, stage: discount, percent: "7", colour: red}
  - {name: b, stage: sale, percent: "7"}
  - {name: c, stage: rebate, amount: 7, unit: month}
  - {name: d, stage: discount, percent: 0x7}
  - {name: e, stage: discount, percent: "1", from: soon, until: {a: b}}
  - {name: f, stage: discount, percent: "1", from: 2027-01-01, until: 2026-01-01}
  - surprise
  - {name: h, stage: rebate, amount: {amount: "1", currency: XQQ}, unit: once}
  - {name: i, stage: rebate, amount: {amount: "1", currency: EUR, tax: 1}, unit: once}
  - {name: j, stage: rebate, amount: [1, EUR], unit: once}
  - {name: k, stage: rebate, amount: {amount: [1], currency: EUR}, unit: once}
  - {name: l, stage: discount, percent: "1", kinds: disk}
  - {name: m, stage: discount, percent: "1", percent: "2"}
  - {name: n, stage: discount, percent: "101"}
tax_note: "a\nb"
`, `line 2: key "tax": want tax_note, rules`, `rule 1, line 4: key "colour": want name, stage`, `rule 2, "b": stage "sale"`,
		`rule 3, line 6: "7": want an amount such as`, `rule 4, "d": percent "0x7"`,
		`rule 5, line 8: "soon": want a date such as`, `rule 5, line 8: "": want a date`, `rule 6, "f": from 2027`, `rule 7, line 10: want name, stage`,
		`rule 8, line 11: currency "XQQ"`, `rule 9, line 12: key "tax": want amount and currency`, `rule 10, line 13: want an amount`,
		`rule 11, line 14: want an amount`, "rule 12, line 15: cannot unmarshal", `rule 13, line 16: mapping key "percent" already defined`,
		`rule 14, "n": percent "101"`, "tax note")
	for data, want := range map[string][]string{
		"":                              {"empty"},
		"# nothing\n":                   {"empty"},
		"~":                             {"line 1: want tax_note, rules"},
		"[]":                            {"line 1: want tax_note, rules"},
		"rules: {name: a}":              {"cannot unmarshal"},
		"rules: [":                      {"terms: yaml"},
		"{}\n---\n{}":                   {"more than one document"},
		"a: &a [*a]\nrules: *a":         {`key "a"`, "rule 1, line 1"},
		"rules: [&a {<<: *a, name: b}]": {`key "<<"`, "contains itself"},
		"rules: [" + strings.Repeat("~,", pricing.MaxRules) + "~]": {"201 rules"},
		strings.Repeat(" ", terms.MaxBytes+1):                      {"more than 262144 bytes"},
	} {
		faults(t, data, want...)
	}
}

func faults(t *testing.T, data string, want ...string) {
	t.Helper()
	got, err := terms.Parse([]byte(data))
	if err == nil {
		t.Errorf("%.60q: accepted as %v", data, got)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%.60q: %q is not among the faults:\n%v", data, w, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(want) {
		t.Errorf("%.60q: %d faults, want %d:\n%v", data, n, len(want), err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := terms.Read(iotest.OneByteReader(strings.NewReader(whole)))
	if diff := differ(got, wholeTerms(t)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	broken := errors.New("the disk is gone")
	if _, err := terms.Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
	endless := &counter{}
	if _, err := terms.Read(endless); err == nil || endless.n > terms.MaxBytes+(64<<10) {
		t.Errorf("read %d bytes of what has no end: %v", endless.n, err)
	}
}

// counter is a file without end.
type counter struct{ n int }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	c.n += len(p)
	return len(p), nil
}

var _ io.Reader = (*counter)(nil)

// What is accepted has no fault, and comes back from JSON the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"rules":[{"name":"a","stage":"rebate","amount":{"amount":"1.5","currency":"EUR"},"unit":"once","from":"2026-11-21T00:00:00Z"}]}`))
	f.Add([]byte("rules: [&a {name: a, stage: discount, percent: 1}, *a]"))
	f.Add([]byte("tax_note: !!binary aGVsbG8=\nrules: ~"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := terms.Parse(data)
		if err != nil {
			return
		}
		if err := got.Check(); err != nil {
			t.Fatalf("accepted, and has faults: %v", err)
		}
		written, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if len(written) > terms.MaxBytes {
			return // aliases say much in little
		}
		again, err := terms.Parse(written)
		if err != nil {
			t.Fatalf("what it was written as is refused: %v\n%s", err, written)
		}
		if a, b := fmt.Sprint(got), fmt.Sprint(again); a != b {
			t.Fatalf("written and read again it is another:\n%s\n%s", a, b)
		}
	})
}
