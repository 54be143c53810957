package ledgertest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

// Terms are a provider's, with every field set in some rule, and as many digits
// as money can have.
func Terms(t testing.TB) pricing.Terms {
	t.Helper()
	money := func(amount string) pricing.Money { return value(pricing.NewMoney(amount, "EUR"))(t) }
	return pricing.Terms{TaxNote: "ohne MwSt. (19 %)", Rules: []pricing.Rule{
		{
			Name: "contract <4711>", Stage: pricing.StageContract, Contract: money("0.000000000000000000000000000001"),
			Kinds: []pricing.Kind{pricing.KindCompute}, Families: []string{"n2", "n1"}, SKUs: []string{"core", "a/b@c"},
			From: noon(), Until: noon().Add(1),
		},
		{Name: "discount", Stage: pricing.StageDiscount, Percent: "12.500000"},
		{Name: "rebate", Stage: pricing.StageRebate, Amount: money("99999999999999999999.99"), Unit: pricing.PerMonth},
		{Name: "support", Stage: pricing.StageProviderFee, Amount: money("1"), Unit: pricing.Once},
	}}
}

// ours are terms of an operator.
func ours(percent string) pricing.Terms {
	return pricing.Terms{Rules: []pricing.Rule{{Name: "our fee", Stage: pricing.StageOperatorFee, Percent: percent}}}
}

func testTerms(t *testing.T, store Store) {
	l, other, ctx := store(), store(), t.Context()
	for _, provider := range []string{"rack1", "rack2"} {
		must(t, l.PutProvider(ctx, rack(provider)))
	}
	same(t, "none", value(l.Terms(ctx))(t), map[string]pricing.Terms{})
	must(t, l.PutTerms(ctx, "", pricing.Terms{})) // nothing to remove

	must(t, l.PutTerms(ctx, "", ours("7")))
	must(t, l.PutTerms(ctx, "rack1", Terms(t)))
	must(t, l.PutTerms(ctx, "rack2", pricing.Terms{TaxNote: "n"}))
	must(t, l.PutTerms(ctx, "rack1", Terms(t))) // the same again
	all := map[string]pricing.Terms{"": ours("7"), "rack1": Terms(t), "rack2": {TaxNote: "n"}}
	same(t, "terms", value(other.Terms(ctx))(t), all)

	zoned := Terms(t)
	zoned.Rules[0].From = noon().In(time.FixedZone("", 3600))
	must(t, l.PutTerms(ctx, "rack1", zoned)) // the same time
	if zoned.Rules[0].From.Location() == time.UTC {
		t.Error("the caller's terms were changed")
	}

	// What is wrong is named at once and changes nothing.
	long := strings.Repeat("x", pricing.MaxTermText+1)
	e := refused(t, "a provider's rules in the operator's terms", l.PutTerms(ctx, "", Terms(t)), core.Invalid)
	if len(e.Faults) != 4 || e.Faults[3].Path != "rules[3].stage" || !strings.Contains(e.Faults[3].Text, `rule 4, "support"`) {
		t.Errorf("faults %v: want all four", e.Faults)
	}
	e = refused(t, "an operator's fee in a provider's terms", l.PutTerms(ctx, "rack1", ours("7")), core.Invalid)
	if len(e.Faults) != 1 || !strings.Contains(e.Error(), "operator") {
		t.Errorf("faults %v: want one", e.Faults)
	}
	bad := ours("700")
	bad.Rules[0].Name, bad.TaxNote = "", long
	e = refused(t, "all of it", l.PutTerms(ctx, "rack1", bad), core.Invalid)
	if len(e.Faults) != 4 {
		t.Errorf("faults %v: want the note, the name, the percent and the stage", e.Faults)
	}
	refused(t, "a provider that is none", l.PutTerms(ctx, "rack3", Terms(t)), core.NotFound)
	refused(t, "removal from none", l.PutTerms(ctx, "rack3", pricing.Terms{}), core.NotFound)
	same(t, "terms", value(other.Terms(ctx))(t), all)

	must(t, l.PutTerms(ctx, "", ours("8")))
	must(t, l.PutTerms(ctx, "rack1", pricing.Terms{Rules: []pricing.Rule{}}))
	same(t, "terms", value(other.Terms(ctx))(t), map[string]pricing.Terms{"": ours("8"), "rack2": {TaxNote: "n"}})
	same(t, "events", eventsOf(t, l, ledger.StepTermsPut), []string{
		"terms of the operator: operator_fee our fee",
		"terms of provider rack1: contract contract <4711>, discount discount, rebate rebate, provider_fee support, tax note ohne MwSt. (19 %)",
		"terms of provider rack2: tax note n",
		"terms of the operator: operator_fee our fee",
		"terms of provider rack1: removed",
	})
}

// testTermsRaces: terms are those of one writer, whole, and no terms outlive
// their provider.
func testTermsRaces(t *testing.T, store Store) {
	const brokers, rounds = 3, 15
	ctx := t.Context()
	first := store()
	must(t, first.PutProvider(ctx, rack("rack1")))
	var group sync.WaitGroup
	for broker := range brokers {
		l := store()
		group.Go(func() {
			for n := range rounds {
				terms := pricing.Terms{TaxNote: fmt.Sprintf("%d %d", broker, n)}
				terms.Rules = []pricing.Rule{{Name: terms.TaxNote, Stage: pricing.StageDiscount, Percent: "1"}}
				if err := l.PutTerms(ctx, "rack1", terms); err != nil && core.KindOf(err) != core.NotFound {
					t.Error(err)
				}
				all, err := l.Terms(ctx)
				if got := all["rack1"]; err != nil || !got.IsZero() && (len(got.Rules) != 1 || got.Rules[0].Name != got.TaxNote) {
					t.Errorf("terms of two writers: %+v, %v", got, err)
				}
				if n == rounds/2 && broker == 0 {
					if err := l.DeleteProvider(ctx, "rack1"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	same(t, "terms of a provider that is gone", value(first.Terms(ctx))(t), map[string]pricing.Terms{})
}
