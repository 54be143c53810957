package pricing_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

func discount(name string) pricing.Rule {
	return pricing.Rule{Name: name, Stage: pricing.StageDiscount, Percent: "12.5"}
}

func TestTermsCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", pricing.MaxTermText+1)
	rule := func(change func(*pricing.Rule)) pricing.Terms {
		r := discount("d")
		change(&r)
		return pricing.Terms{Rules: []pricing.Rule{discount("first"), r}}
	}
	for name, c := range map[string]struct {
		terms pricing.Terms
		want  []string // the faults, one for each; none is right
	}{
		"nothing":            {pricing.Terms{}, nil},
		"rules and a note":   {pricing.Terms{Rules: []pricing.Rule{discount("d")}, TaxNote: "prices without VAT – 24 % in Finland"}, nil},
		"a note at its most": {pricing.Terms{TaxNote: long[1:]}, nil},
		"a long note":        {pricing.Terms{TaxNote: long}, []string{"tax note of 201 bytes: want at most 200"}},
		"lines in the note":  {pricing.Terms{TaxNote: "one\ntwo"}, []string{`tax note "one\ntwo": want printable text`}},
		"escapes in a note":  {pricing.Terms{TaxNote: "\x1b[2J"}, []string{"printable"}},
		"text turned round":  {pricing.Terms{TaxNote: "a\u202eb"}, []string{"printable"}},
		"no UTF-8":           {pricing.Terms{TaxNote: "a\xff"}, []string{"UTF-8"}},
		"the most rules":     {pricing.Terms{Rules: many(pricing.MaxRules)}, nil},
		"too many rules":     {pricing.Terms{Rules: many(pricing.MaxRules + 1)}, []string{"201 rules: want at most 200"}},
		"a long name":        {rule(func(r *pricing.Rule) { r.Name = long }), []string{"name of 201 bytes"}},
		"a name of lines":    {rule(func(r *pricing.Rule) { r.Name = "a\tb" }), []string{`rule 2, "a\tb": name "a\tb": want printable text`}},
		"a long family":      {rule(func(r *pricing.Rule) { r.Families = []string{"n2", long} }), []string{`rule 2, "d": family of 201 bytes`}},
		"a bad sku":          {rule(func(r *pricing.Rule) { r.SKUs = []string{"\x00"} }), []string{`sku "\x00"`}},
		"too many skus":      {rule(func(r *pricing.Rule) { r.SKUs = make([]string, pricing.MaxRuleItems+1) }), []string{"1001 kinds, families and skus"}},
		"a far year":         {rule(func(r *pricing.Rule) { r.Until = noon().AddDate(9000, 0, 0) }), []string{"until in year 11026"}},
		"a year before all":  {rule(func(r *pricing.Rule) { r.From = noon().AddDate(-2030, 0, 0) }), []string{"from in year"}},
		"several of one rule": {
			rule(func(r *pricing.Rule) { r.Name, r.Stage, r.Unit = "", "sale", "hour" }),
			[]string{`rule 2, "": no name`, `stage "sale"`, `unit "hour"`},
		},
		"all at once": {
			pricing.Terms{TaxNote: "\n", Rules: []pricing.Rule{{Name: "a", Stage: pricing.StageDiscount}, discount("b"), {Stage: pricing.StageDiscount, Percent: "1"}}},
			[]string{"tax note", `rule 1, "a": 0 of percent`, `rule 1, "a": stage discount`, `rule 3, "": no name`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var faults []error
			if err := c.terms.Check(); err != nil {
				faults = err.(interface{ Unwrap() []error }).Unwrap()
			}
			if len(faults) != len(c.want) {
				t.Fatalf("faults %q: want %d", faults, len(c.want))
			}
			for i, want := range c.want {
				if !strings.Contains(faults[i].Error(), want) {
					t.Errorf("fault %q: want %q in it", faults[i], want)
				}
			}
		})
	}
}

func many(n int) []pricing.Rule {
	rules := make([]pricing.Rule, n)
	for i := range rules {
		rules[i] = discount("d")
	}
	return rules
}

func TestTermsJSON(t *testing.T) {
	t.Parallel()
	if !(pricing.Terms{Rules: []pricing.Rule{}}).IsZero() || (pricing.Terms{TaxNote: "n"}).IsZero() || (pricing.Terms{Rules: many(1)}).IsZero() {
		t.Error("terms are zero where nothing is agreed, and nowhere else")
	}
	data, err := json.Marshal(pricing.Terms{TaxNote: "n", Rules: []pricing.Rule{{
		Name: "a", Stage: pricing.StageRebate, Amount: money(t, "1.50", "EUR"), Unit: pricing.Once, From: noon().Truncate(24 * time.Hour),
	}}})
	want := `{"rules":[{"name":"a","stage":"rebate","amount":{"amount":"1.5","currency":"EUR"},"unit":"once","from":"2026-11-21T00:00:00Z"}],"tax_note":"n"}`
	if err != nil || string(data) != want {
		t.Errorf("%s, %v: want %s", data, err, want)
	}
}
