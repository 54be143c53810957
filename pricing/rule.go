package pricing

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Rule changes what a quote comes to: a contract price, a discount, a fee. Each
// makes a line of its own and leaves the list's lines as they are.
type Rule struct {
	// Name is what the line says, such as "contract 4711".
	Name string `json:"name"`
	// Stage is when it applies, and with it what kind of line it makes.
	Stage Stage `json:"stage"`
	// Exactly one of these: a share of what is matched, a decimal of more than 0
	// with at most six decimals, at most 100; an amount per Unit; or the price of
	// one unit of every matched SKU, in place of the list's.
	Percent  string `json:"percent,omitempty"`
	Amount   Money  `json:"amount,omitzero"`
	Contract Money  `json:"contract,omitzero"`
	// Unit is what Amount is for: hour, month (of 730 h) or once.
	Unit RuleUnit `json:"unit,omitempty"`
	// Kinds, Families and SKUs are what it applies to: one of each, where stated.
	Kinds    []Kind   `json:"kinds,omitempty"`
	Families []string `json:"families,omitempty"`
	SKUs     []string `json:"skus,omitempty"`
	// From and Until bound it; zero is open. What lowers a price must hold for the
	// whole span, what raises it for any part of it: a quote is rather too high.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// Stage orders rules. Those of one stage apply in the order given.
type Stage string

// The stages, in the order in which they apply.
const (
	// StageContract replaces the price of SKUs. The first that matches a line holds.
	StageContract Stage = "contract"
	// StageDiscount takes a share off what is left of the matched lines.
	StageDiscount Stage = "discount"
	// StageRebate takes an amount off the matched lines, never below zero.
	StageRebate Stage = "rebate"
	// StageProviderFee adds to what the stages before have left of the matched lines.
	StageProviderFee Stage = "provider_fee"
	// StageOperatorFee adds to the whole quote, the provider's fee included.
	StageOperatorFee Stage = "operator_fee"
)

// RuleUnit is the time that an amount of a rule is for.
type RuleUnit string

// The units of an amount.
const (
	PerHour  RuleUnit = "hour"
	PerMonth RuleUnit = "month"
	Once     RuleUnit = "once"
)

func stages() []Stage {
	return []Stage{StageContract, StageDiscount, StageRebate, StageProviderFee, StageOperatorFee}
}

// raises reports whether the stage makes a quote dearer.
func (s Stage) raises() bool { return s == StageProviderFee || s == StageOperatorFee }

func (s Stage) kind() Kind {
	if s.raises() {
		return KindFee
	}
	return KindDiscount
}

// Check reports every fault of the rule at once.
func (r *Rule) Check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if r.Name == "" {
		fault("no name")
	}
	if !slices.Contains(stages(), r.Stage) {
		fault("stage %.20q: want one of %v", r.Stage, stages())
	}
	set := 0
	if r.Percent != "" {
		set++
		d, err := parseDecimal(r.Percent)
		if err != nil || d.Sign() <= 0 || d.Exponent < -6 || d.Cmp(wholeDecimal(100)) > 0 {
			fault("percent %.40q: want more than 0, at most 100, at most six decimals", r.Percent)
		}
	}
	for _, m := range []struct {
		name string
		of   Money
		free bool
	}{{"amount", r.Amount, false}, {"contract", r.Contract, true}} {
		if !m.of.IsSet() {
			continue
		}
		set++
		if m.of.Sign() < 0 || m.of.Sign() == 0 && !m.free {
			fault("%s %s: want more than nothing", m.name, m.of)
		}
	}
	if set != 1 {
		fault("%d of percent, amount and contract: want one", set)
	}
	if want := map[Stage]bool{StageContract: r.Contract.IsSet(), StageDiscount: r.Percent != "", StageRebate: r.Amount.IsSet()}; !r.Stage.raises() {
		if ok, known := want[r.Stage]; known && !ok {
			fault("stage %s: want a contract price for contract, a percent for discount, an amount for rebate", r.Stage)
		}
	} else if r.Contract.IsSet() {
		fault("a contract price in stage %s: want a percent or an amount", r.Stage)
	}
	if r.Stage == StageOperatorFee && len(r.Kinds)+len(r.Families)+len(r.SKUs) > 0 {
		fault("an operator's fee is on the whole quote: want no kinds, families or skus")
	}
	if known := r.Unit == PerHour || r.Unit == PerMonth || r.Unit == Once; r.Amount.IsSet() != known || r.Unit != "" && !known {
		fault("unit %.20q: want hour, month or once with an amount, and nothing else", r.Unit)
	}
	for _, k := range r.Kinds {
		if !k.Valid() {
			fault("kind %.20q is unknown", k)
		}
	}
	if !r.From.IsZero() && !r.Until.IsZero() && !r.From.Before(r.Until) {
		fault("from %s until %s: want a time before the end", r.From.Format(time.RFC3339), r.Until.Format(time.RFC3339))
	}
	return errors.Join(faults...)
}

// CheckRules reports the faults of all rules, each with its place and name.
func CheckRules(rules []Rule) error {
	var faults []error
	for i := range rules {
		if err := rules[i].Check(); err != nil {
			faults = append(faults, fmt.Errorf("rule %d, %.64q: %w", i+1, rules[i].Name, err))
		}
	}
	return errors.Join(faults...)
}

func (r *Rule) matches(l *Line) bool {
	return (len(r.Kinds) == 0 || slices.Contains(r.Kinds, l.Kind)) &&
		(len(r.Families) == 0 || slices.Contains(r.Families, l.Family)) &&
		(len(r.SKUs) == 0 || slices.Contains(r.SKUs, l.SKU))
}

// holds reports whether the rule applies to a span.
func (r *Rule) holds(begin, end time.Time) bool {
	if r.Stage.raises() {
		return (r.From.IsZero() || r.From.Before(end)) && (r.Until.IsZero() || r.Until.After(begin))
	}
	return !begin.Before(r.From) && (r.Until.IsZero() || !r.Until.Before(end))
}
