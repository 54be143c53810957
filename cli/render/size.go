package render

import (
	"encoding/json"
	"math/big"
	"strings"
)

// gib is a number of bytes in GiB, exactly.
func gib(bytes int64) json.Number {
	text := big.NewRat(bytes, 1<<30).FloatString(30)
	return json.Number(strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
}

// Size is an amount of storage for people, such as 512 MiB or 10 GiB: exact, in
// the largest unit that takes at most three decimals.
func Size(bytes int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		n := big.NewRat(bytes, unit.bytes)
		if bytes >= unit.bytes && new(big.Rat).Mul(n, big.NewRat(1000, 1)).IsInt() {
			return strings.TrimSuffix(strings.TrimRight(n.FloatString(3), "0"), ".") + " " + unit.name
		}
	}
	return Count(int(bytes), "byte")
}

// About is Size rounded to three digits, for what is measured.
func About(bytes int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes >= unit.bytes {
			n := big.NewRat(bytes, unit.bytes)
			decimals := 2
			for limit := int64(10); decimals > 0 && n.Cmp(big.NewRat(limit, 1)) >= 0; limit *= 10 {
				decimals--
			}
			text := n.FloatString(decimals)
			if decimals > 0 {
				text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
			}
			return text + " " + unit.name
		}
	}
	return Count(int(bytes), "byte")
}
