package pricing

import (
	"math/big"
	"math/bits"

	"github.com/cockroachdb/apd/v3"
)

// term is a whole amount of time as a fraction of what a price is for.
type term struct{ num, den uint64 }

// component is a price made ready for one usage: what an hour of it, all of it,
// and what is given away of it are, as fractions of the price.
type component struct {
	price               Price
	hour, total, waived term
	counted             int64
}

func newComponent(p Price, u Usage) (component, error) {
	if err := p.check(); err != nil {
		return component{}, err
	}
	span, err := p.Unit.span()
	if err != nil {
		return component{}, err
	}
	if span == 0 {
		return component{price: p, total: term{1, 1}}, nil
	}
	if b := p.Billing; b != nil && b.CapHours > 0 && span == HoursPerMonth {
		span = b.CapHours
	}
	c := component{price: p, hour: term{1, uint64(span)}, counted: p.Billing.counted(u)}
	charged := p.Billing.charged(c.counted)
	c.total = term{uint64(charged), uint64(span) * hourSeconds}
	waived, err := p.Billing.waived(charged)
	if err != nil {
		return component{}, err
	}
	c.waived = term{uint64(waived), uint64(span) * hourSeconds * tierScale}
	return c, nil
}

// arith multiplies amounts: in 128 bits where they fit, else in decimals of any
// length. It is not safe for concurrent use.
type arith struct {
	words   [2]big.Word
	scratch big.Int
}

// amount is money in both forms; only is set where fixed does not hold it.
type amount struct {
	money Money
	fixed fixed
	wide  bool
}

// times is price × quantity ÷ divisor × t, rounded once.
func (a *arith) times(price *Money, quantity *apd.Decimal, divisor uint64, t term) (amount, error) {
	if t.num == 0 {
		return amount{money: Zero(price.currency)}, nil
	}
	over, den := bits.Mul64(t.den, divisor)
	if over == 0 && !price.amount.Negative && price.amount.Coeff.IsUint64() && quantity.Coeff.IsUint64() {
		f, ok := ratio(price.amount.Coeff.Uint64(), quantity.Coeff.Uint64(), t.num, den, int(price.amount.Exponent)+int(quantity.Exponent))
		if ok {
			return amount{money: a.money(f, price.currency), fixed: f}, nil
		}
	}
	factor, err := product(quantity, t.num)
	if err != nil {
		return amount{}, err
	}
	by, err := product(wholeDecimal(divisor), t.den)
	if err != nil {
		return amount{}, err
	}
	m, err := price.scale(factor, by)
	return amount{money: m, wide: true}, err
}

func product(d *apd.Decimal, n uint64) (*apd.Decimal, error) {
	var r apd.Decimal
	_, err := exact().Mul(&r, d, wholeDecimal(n))
	return &r, err
}

func wholeDecimal(n uint64) *apd.Decimal {
	var d apd.Decimal
	d.Coeff.SetUint64(n)
	return &d
}

func (a *arith) money(f fixed, currency string) Money {
	m := Money{currency: currency}
	a.set(&m, f)
	return m
}

func (a *arith) set(m *Money, f fixed) {
	m.amount.Exponent = int32(f.exp)
	m.amount.Negative = f.neg && !f.isZero()
	if f.hi == 0 {
		m.amount.Coeff.SetUint64(f.lo)
		return
	}
	if bits.UintSize == 64 {
		a.words = [2]big.Word{big.Word(f.lo), big.Word(f.hi)}
		m.amount.Coeff.SetMathBigInt(a.scratch.SetBits(a.words[:]))
		return
	}
	m.amount.Coeff.SetUint64(f.hi)
	m.amount.Coeff.Lsh(&m.amount.Coeff, 64)
	var low apd.BigInt
	m.amount.Coeff.Or(&m.amount.Coeff, low.SetUint64(f.lo))
}

// neg is -m.
func (a amount) neg() amount {
	a.money.amount.Negative = !a.money.amount.Negative && a.money.Sign() != 0
	a.fixed.neg = !a.fixed.neg
	return a
}

// sum adds up exactly what it is given.
type sum struct {
	fixed fixed
	money Money
	wide  bool
}

func (s *sum) add(a *arith, o *amount) error {
	if s.money.currency != o.money.currency {
		return mismatch(s.money, o.money)
	}
	if !s.wide && !o.wide {
		if f, ok := s.fixed.add(o.fixed); ok {
			s.fixed = f
			return nil
		}
	}
	total, err := s.total(a).Add(o.money)
	if err != nil {
		return err
	}
	s.money, s.wide = total, true
	return nil
}

func (s *sum) total(a *arith) Money {
	if !s.wide {
		a.set(&s.money, s.fixed)
	}
	return s.money
}
