package pricing

import "github.com/cockroachdb/apd/v3"

// adjustment is a quote on its way through the rules.
type adjustment struct {
	quote Quote
	// left is what earlier rules left of each line of the list, never negative.
	left []Amounts
	// contracted marks the lines that a contract has priced.
	contracted map[int]bool
}

func (a *adjustment) apply(r *Rule) error {
	switch {
	case r.Stage == StageContract:
		return a.contract(r)
	case r.Stage == StageRebate:
		return a.rebate(r)
	case r.Amount.IsSet():
		return a.flatFee(r)
	}
	return a.percent(r)
}

// matches reports whether a rule is for a line of the list.
func (a *adjustment) matches(r *Rule, i int) bool {
	l := &a.quote.Lines[i]
	return l.Kind != KindDiscount && r.matches(l)
}

func (a *adjustment) append(l Line) {
	a.quote.Lines = append(a.quote.Lines, l)
}

// add appends a line of a rule and counts it.
func (a *adjustment) add(r *Rule, l Line, v Amounts) error {
	hour, err := a.quote.Hour.Add(v.Hour)
	if err != nil {
		return err
	}
	total, err := a.quote.Total.Add(v.Total)
	if err != nil {
		return err
	}
	l.Kind, l.Text, l.Hour, l.Total, l.Rule = r.Stage.kind(), r.Name, v.Hour, v.Total, r
	a.quote.Hour, a.quote.Total = hour, total
	a.append(l)
	return nil
}

func (v Amounts) plus(o Amounts) (Amounts, error) {
	hour, err := v.Hour.Add(o.Hour)
	if err != nil {
		return Amounts{}, err
	}
	total, err := v.Total.Add(o.Total)
	return Amounts{Hour: hour, Total: total}, err
}

func (v Amounts) neg() Amounts { return Amounts{Hour: v.Hour.Neg(), Total: v.Total.Neg()} }

// percent takes a share off the matched lines, or adds one.
func (a *adjustment) percent(r *Rule) error {
	share, err := parseDecimal(r.Percent)
	if err != nil {
		return err
	}
	share.Exponent -= 2
	zero := Amounts{Hour: Zero(a.quote.Currency), Total: Zero(a.quote.Currency)}
	base := zero
	if r.Stage == StageOperatorFee {
		base = Amounts{Hour: a.quote.Hour, Total: a.quote.Total}
	} else {
		for i := range a.left {
			if a.matches(r, i) {
				if base, err = base.plus(a.left[i]); err != nil {
					return err
				}
			}
		}
	}
	if base.Total.Sign() == 0 {
		return nil
	}
	v, err := base.times(&share)
	if err != nil {
		return err
	}
	if r.Stage.raises() {
		return a.add(r, Line{Percent: r.Percent, Base: base.Total}, v)
	}
	for i := range a.left {
		if !a.matches(r, i) {
			continue
		}
		off, err := a.left[i].times(&share)
		if err != nil {
			return err
		}
		if a.left[i], err = a.left[i].plus(off.neg()); err != nil {
			return err
		}
	}
	return a.add(r, Line{Percent: r.Percent, Base: base.Total}, v.neg())
}

func (v Amounts) times(d *apd.Decimal) (Amounts, error) {
	hour, err := v.Hour.times(d)
	if err != nil {
		return Amounts{}, err
	}
	total, err := v.Total.times(d)
	return Amounts{Hour: hour, Total: total}, err
}

// over is an amount of a rule in an hour and over the quote's horizon.
func (r *Rule) over(hours int) (Amounts, error) {
	v := Amounts{Hour: Zero(r.Amount.currency)}
	span := int64(1)
	switch r.Unit {
	case Once:
		v.Total = r.Amount
		return v, nil
	case PerMonth:
		span = HoursPerMonth
	case PerHour:
	}
	var err error
	if v.Hour, err = r.Amount.scale(apd.New(1, 0), apd.New(span, 0)); err != nil {
		return Amounts{}, err
	}
	v.Total, err = r.Amount.scale(apd.New(int64(hours), 0), apd.New(span, 0))
	return v, err
}

func (a *adjustment) flatFee(r *Rule) error {
	matched := len(a.left) == 0
	for i := range a.left {
		matched = matched || a.matches(r, i)
	}
	if !matched {
		return nil
	}
	v, err := r.over(a.quote.ForHours)
	if err != nil {
		return err
	}
	return a.add(r, Line{}, v)
}

// rebate takes the amount off the matched lines in their order, each down to
// zero.
func (a *adjustment) rebate(r *Rule) error {
	want, err := r.over(a.quote.ForHours)
	if err != nil {
		return err
	}
	taken := Amounts{Hour: Zero(r.Amount.currency), Total: Zero(r.Amount.currency)}
	for i := range a.left {
		if !a.matches(r, i) || a.left[i].Total.Sign() <= 0 {
			continue
		}
		off := Amounts{}
		if off.Hour, err = lesser(want.Hour, a.left[i].Hour); err != nil {
			return err
		}
		if off.Total, err = lesser(want.Total, a.left[i].Total); err != nil {
			return err
		}
		if a.left[i], err = a.left[i].plus(off.neg()); err != nil {
			return err
		}
		if want, err = want.plus(off.neg()); err != nil {
			return err
		}
		if taken, err = taken.plus(off); err != nil {
			return err
		}
	}
	if taken.Total.Sign() == 0 {
		return nil
	}
	return a.add(r, Line{}, taken.neg())
}

func lesser(a, b Money) (Money, error) {
	c, err := a.Cmp(b)
	if c < 0 {
		return a, err
	}
	return b, err
}
