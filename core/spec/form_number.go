package spec

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// number is an exact decimal, read in a smaller unit: times scale it must be a
// multiple of step from min to max.
type number struct {
	scale, step, min, max int64
	// want says in words what is right.
	want string
}

// integer is a whole number in a range.
func integer(least, most int64) number {
	return number{
		scale: 1, step: 1, min: least, max: most,
		want: "a whole number from " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10),
	}
}

func (f number) read(r *reader, v value) (int64, bool) {
	switch {
	case v.kind == unreadNode:
		return 0, false
	case v.kind == stringNode && isNumber(v.text):
		r.reject(v, v.shown(), "is a text", f.want+", without quotes")
		return 0, false
	case v.kind == stringNode || v.kind == boolNode:
		r.reject(v, v.shown(), "is not a number", f.want)
		return 0, false
	case v.kind != numberNode:
		r.mistype(v, f.want)
		return 0, false
	}
	n, ok := exact(v.text)
	if !ok {
		r.reject(v, v.shown(), "is out of range", f.want)
		return 0, false
	}
	n.Mul(n, new(big.Rat).SetInt64(f.scale))
	switch {
	case n.Cmp(new(big.Rat).SetInt64(f.min)) < 0, n.Cmp(new(big.Rat).SetInt64(f.max)) > 0:
		r.reject(v, v.shown(), "is out of range", f.want)
		return 0, false
	case !n.IsInt() || n.Num().Int64()%f.step != 0:
		r.reject(v, v.shown(), "is not "+f.multiple(), f.want)
		return 0, false
	}
	return n.Num().Int64(), true
}

// exact reads a number as JSON writes it, unless it is beyond what any field
// takes; so 1e999999999 costs nothing.
func exact(text string) (*big.Rat, bool) {
	if len(text) > 64 {
		return nil, false
	}
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		if exponent, err := strconv.Atoi(text[at+1:]); err != nil || exponent < -30 || exponent > 30 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

func (f number) multiple() string {
	if f.scale == f.step {
		return "a whole number"
	}
	return "a multiple of " + string(f.decimal(f.step))
}

// decimal is a number of the small unit in that of the file. Ten decimals are
// exact for scales of 1000 and 1024.
func (f number) decimal(n int64) json.Number {
	s := big.NewRat(n, f.scale).FloatString(10)
	return json.Number(strings.TrimSuffix(strings.TrimRight(s, "0"), "."))
}

func (f number) schema() map[string]any {
	s := map[string]any{"type": "number", "minimum": f.decimal(f.min), "maximum": f.decimal(f.max), "description": f.want}
	if f.scale == f.step {
		s["type"] = "integer"
	} else {
		s["multipleOf"] = f.decimal(f.step)
	}
	return s
}

func (number) node(text string) *node { return plainNode(text) }
