package core

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// thousandths is an integer that JSON has a thousand times smaller, as an exact
// decimal: 2400 MHz is 2.4 GHz.
type thousandths int64

func (t thousandths) MarshalJSON() ([]byte, error) { return shrunk(int64(t), 1000), nil }

func (t *thousandths) UnmarshalJSON(data []byte) error {
	n, err := grown(data, 1000)
	*t = thousandths(n)
	return err
}

// mebibytes is an integer that JSON has in GiB, as an exact decimal: 128 MiB is
// 0.125.
type mebibytes int64

func (m mebibytes) MarshalJSON() ([]byte, error) { return shrunk(int64(m), 1024), nil }

func (m *mebibytes) UnmarshalJSON(data []byte) error {
	n, err := grown(data, 1024)
	*m = mebibytes(n)
	return err
}

// shrunk is n ÷ by as the shortest exact decimal; ten decimals hold any number
// of thousandths and of 1/1024.
func shrunk(n, by int64) []byte {
	s := big.NewRat(n, by).FloatString(10)
	return []byte(strings.TrimSuffix(strings.TrimRight(s, "0"), "."))
}

// grown is the decimal number in data × by, which must be whole.
func grown(data []byte, by int64) (int64, error) {
	s := string(data)
	bad := errors.New("not a decimal number of at most 10 decimals: " + strconv.Quote(s[:min(len(s), 40)]))
	if len(s) > 40 || strings.Trim(s, "-.0123456789") != "" {
		return 0, bad
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, bad
	}
	r.Mul(r, new(big.Rat).SetInt64(by))
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, bad
	}
	return r.Num().Int64(), nil
}
