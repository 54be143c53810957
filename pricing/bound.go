package pricing

import "math/big"

// bounds are the prices of a quoter as integers.
type bounds struct {
	skus map[string]bound
	fail error
}

// bound is the total of one unit of a SKU in units: m ÷ 2^shift, cut off.
type bound struct {
	m     uint64
	shift uint
	ok    bool
}

// currency is that of the list's prices.
func (l *List) currency() string { return l.Prices[0].Amount.currency }

func (r *ranking) bounds(q *Quoter) *bounds {
	b := &bounds{skus: make(map[string]bound, len(q.ready))}
	if err := q.usage.check(); err != nil {
		b.fail = err
		return b
	}
	if len(q.list.Prices) == 0 {
		return b
	}
	if b.fail = r.admit(q.list.currency()); b.fail != nil {
		return b
	}
	factor := r.factor(q.list.currency())
	for sku, c := range q.ready {
		if c.price.Amount.currency == q.list.currency() {
			b.skus[sku] = c.bound(factor)
		}
	}
	return b
}

// bound is the total of one unit, in units: price × net time × factor, in 384
// bits, of which 64 are kept. It is not ok where those do not have 63 digits.
func (c *component) bound(factor *big.Rat) bound {
	d := &c.price.Amount.amount
	num, den := c.total.num, c.total.den
	if c.waived.num > 0 {
		num, den = num*tierScale-c.waived.num, c.waived.den
	}
	if num == 0 || d.IsZero() {
		return bound{ok: true}
	}
	if d.Negative || !d.Coeff.IsUint64() || d.Exponent > 0 || d.Exponent < -19 || !factor.Num().IsUint64() || !factor.Denom().IsUint64() {
		return bound{}
	}
	w := wide{d.Coeff.Uint64()}
	// At most 192 bits, which then move up by as many.
	if !w.mul(num) || !w.mul(factor.Num().Uint64()) || w[3]|w[4]|w[5] != 0 {
		return bound{}
	}
	w = wide{3: w[0], 4: w[1], 5: w[2]}
	w.div(den)
	w.div(pow10(int(-d.Exponent)))
	w.div(factor.Denom().Uint64())
	n := w.bitLen()
	shift := 192 - (n - 64)
	if n < 64 || shift < 0 {
		return bound{}
	}
	at, by := (n-64)/64, uint((n-64)%64)
	m := w[at] >> by
	if by > 0 {
		m |= w[at+1] << (64 - by)
	}
	return bound{m: m, shift: uint(shift), ok: true}
}

// lowest is a heap of the n smallest values seen, the largest of them first.
type lowest []uint64

func (h *lowest) keep(v uint64, n int) {
	s := *h
	if len(s) < n {
		s = append(s, v)
		for i := len(s) - 1; i > 0 && s[(i-1)/2] < s[i]; i = (i - 1) / 2 {
			s[i], s[(i-1)/2] = s[(i-1)/2], s[i]
		}
		*h = s
		return
	}
	if v >= s[0] {
		return
	}
	s[0] = v
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < n && s[child+1] > s[child] {
			child++
		}
		if child >= n || s[child] <= s[i] {
			return
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
}
