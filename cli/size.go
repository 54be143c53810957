package cli

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/mesoncloud/meson/cli/render"
)

// What volumes can be: multiples of sizeStep.
const (
	sizeStep  = 128 << 20
	maxSize   = 65536 << 30
	sizesWant = "a size such as 10GiB, from 0.125GiB to 65536GiB, a multiple of 0.125GiB"
)

// sizeFlag is the size of a volume in bytes.
type sizeFlag struct{ bytes int64 }

// String is the size.
func (f *sizeFlag) String() string {
	if f.bytes == 0 {
		return ""
	}
	return sizeWord(f.bytes)
}

// Type is the flag's value in help texts.
func (f *sizeFlag) Type() string { return "SIZE" }

// Set takes a size.
func (f *sizeFlag) Set(s string) error {
	bytes, err := parseSize(s)
	if err == nil {
		f.bytes = bytes
	}
	return err
}

// parseSize reads a number with a unit that is one of 1024s. The error says what
// would be right.
func parseSize(s string) (int64, error) {
	m := regexp.MustCompile(`^([0-9]{1,12}(?:\.[0-9]{1,12})?) ?([A-Za-z]*)$`).FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, fmt.Errorf("%.40q: want %s", s, sizesWant)
	}
	number, unit := m[1], m[2]
	scale, ok := map[string]int64{"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}[unit]
	if !ok {
		meant, known := map[string]string{
			"": "GiB", "g": "GiB", "gb": "GiB", "gib": "GiB", "m": "MiB", "mb": "MiB", "mib": "MiB", "t": "TiB", "tb": "TiB", "tib": "TiB",
		}[strings.ToLower(unit)]
		if !known {
			return 0, fmt.Errorf("%.40q: want %s", s, sizesWant)
		}
		return 0, fmt.Errorf("%.40q: say the unit as MiB, GiB or TiB: %s%s?", s, number, meant)
	}
	n, _ := new(big.Rat).SetString(number)
	n.Mul(n, new(big.Rat).SetInt64(scale))
	steps := new(big.Rat).Quo(n, big.NewRat(sizeStep, 1))
	switch {
	case n.Sign() == 0, n.Cmp(big.NewRat(maxSize, 1)) > 0:
		return 0, fmt.Errorf("%.40q: want %s", s, sizesWant)
	case !steps.IsInt():
		below := new(big.Int).Quo(steps.Num(), steps.Denom()).Int64() * sizeStep
		near := sizeWord(below + sizeStep)
		if below > 0 {
			near = sizeWord(below) + " or " + near
		}
		return 0, fmt.Errorf("%.40q is no multiple of 0.125GiB: %s would be right", s, near)
	}
	return n.Num().Int64(), nil
}

// roundedUp is the least size of a volume that holds so many bytes.
func roundedUp(bytes int64) int64 { return max((bytes+sizeStep-1)/sizeStep, 1) * sizeStep }

// sizeWord is a size as it is typed.
func sizeWord(bytes int64) string { return strings.ReplaceAll(render.Size(bytes), " ", "") }
