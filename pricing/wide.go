package pricing

import "math/bits"

// wide is an unsigned integer of 384 bits, least significant word first: room
// for price × quantity × time × a power of ten, without the heap.
type wide [6]uint64

// mul multiplies by m and reports whether the product fits.
func (w *wide) mul(m uint64) bool {
	var carry uint64
	for i := range w {
		hi, lo := bits.Mul64(w[i], m)
		var c uint64
		w[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	return carry == 0
}

// div divides by d, which is not 0, and returns the remainder.
func (w *wide) div(d uint64) uint64 {
	top := len(w) - 1
	for top >= 0 && w[top] == 0 {
		top--
	}
	var r uint64
	for i := top; i >= 0; i-- {
		w[i], r = bits.Div64(r, w[i], d)
	}
	return r
}

func (w *wide) mod(d uint64) uint64 {
	var r uint64
	for i := len(w) - 1; i >= 0; i-- {
		if r|w[i] != 0 {
			_, r = bits.Div64(r, w[i], d)
		}
	}
	return r
}

func (w *wide) bitLen() int {
	for i := len(w) - 1; i >= 0; i-- {
		if w[i] != 0 {
			return i*64 + bits.Len64(w[i])
		}
	}
	return 0
}

// small reports whether the value fits in 128 bits.
func (w *wide) small() bool { return w[2]|w[3]|w[4]|w[5] == 0 }

// pow10 is 10 to the power of n, which is 0 to 19.
func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// mulPow10 multiplies by 10 to the power of n and reports whether it fits.
func (w *wide) mulPow10(n int) bool {
	for ; n > 19; n -= 19 {
		if !w.mul(1e19) {
			return false
		}
	}
	return n == 0 || w.mul(pow10(n))
}

// fixed is a decimal of at most 128 bits: ±(hi·2⁶⁴ + lo) × 10^exp.
type fixed struct {
	hi, lo uint64
	exp    int
	neg    bool
}

func (f fixed) isZero() bool { return f.hi|f.lo == 0 }

// digits counts the decimal digits of 128 bits, 1 for zero.
func digits(hi, lo uint64) int {
	n := bits.Len64(lo)
	if hi != 0 {
		n = 64 + bits.Len64(hi)
	}
	// log10(2) = 0.30103 from below: exact, or one too few.
	d := n * 1233 >> 12
	var ph, pl uint64
	if d < 20 {
		pl = pow10(d)
	} else {
		ph, pl = bits.Mul64(1e19, pow10(d-19))
	}
	if hi > ph || hi == ph && lo >= pl {
		d++
	}
	return max(d, 1)
}

// ratio is a × b × num ÷ den × 10^exp with one rounding at the end, half to
// even, to Digits significant digits; exact where the quotient is finite within
// them. It reports false for what does not fit, which is then for apd.
func ratio(a, b, num, den uint64, exp int) (fixed, bool) {
	var w wide
	w[0] = a
	if !w.mul(b) || !w.mul(num) || den == 0 {
		return fixed{}, false
	}
	if w[0]|w[1]|w[2] == 0 {
		return fixed{}, true
	}
	if g := gcd(den, w.mod(den)); g > 1 {
		w.div(g)
		den /= g
	}
	rest, twos, fives := den, bits.TrailingZeros64(den), 0
	rest >>= twos
	for rest%5 == 0 {
		rest, fives = rest/5, fives+1
	}
	up := max(twos, fives)
	if rest != 1 {
		// 35 to 38 digits, of which 34 stay: the logarithms err by less than two.
		up = max(0, 35+bits.Len64(den)*1234>>12+1-w.bitLen()*1233>>12)
	}
	if !w.mulPow10(up) {
		return fixed{}, false
	}
	sticky := w.div(den) != 0
	if !w.small() {
		return fixed{}, false
	}
	return round(fixed{hi: w[1], lo: w[0], exp: exp - up}, sticky), true
}

// round keeps Digits digits of f, half to even; sticky says that f is cut off
// and a little more than it shows.
func round(f fixed, sticky bool) fixed {
	drop := digits(f.hi, f.lo) - Digits
	if drop <= 0 {
		return f
	}
	p := pow10(drop)
	w := wide{f.lo, f.hi}
	r := w.div(p)
	if half := p / 2; r > half || r == half && (sticky || w[0]&1 == 1) {
		var c uint64
		w[0], c = bits.Add64(w[0], 1, 0)
		w[1] += c
	}
	return fixed{hi: w[1], lo: w[0], exp: f.exp + drop, neg: f.neg}
}

// add sums two decimals exactly and reports whether the sum fits.
func (f fixed) add(o fixed) (fixed, bool) {
	if o.isZero() {
		return f, true
	}
	if f.isZero() {
		return o, true
	}
	if f.exp < o.exp {
		f, o = o, f
	}
	w := wide{f.lo, f.hi}
	if f.exp-o.exp > 57 || !w.mulPow10(f.exp-o.exp) || !w.small() {
		return fixed{}, false
	}
	r := fixed{exp: o.exp, neg: f.neg}
	if f.neg == o.neg {
		var c uint64
		r.lo, c = bits.Add64(w[0], o.lo, 0)
		r.hi, c = bits.Add64(w[1], o.hi, c)
		return r, c == 0
	}
	var borrow uint64
	r.lo, borrow = bits.Sub64(w[0], o.lo, 0)
	r.hi, borrow = bits.Sub64(w[1], o.hi, borrow)
	if borrow != 0 {
		r.lo, borrow = bits.Sub64(0, r.lo, 0)
		r.hi, _ = bits.Sub64(0, r.hi, borrow)
		r.neg = !r.neg
	}
	return r, true
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
