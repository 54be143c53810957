package pricing

import (
	"fmt"
	"strconv"
	"strings"
)

// Horizon is how long a machine is meant to run, in hours; totals are for it.
// It is at least 1 and at most 10 years.
type Horizon int

// Month is the default horizon.
const Month Horizon = HoursPerMonth

const longest Horizon = 10 * 8760

// ParseHorizon reads "month" (730 h) or a whole number of h, d, w or y, such as
// 2h, 7d, 30d (720 h) and 1y (8760 h).
func ParseHorizon(s string) (Horizon, error) {
	if s == "month" {
		return Month, nil
	}
	bad := fmt.Errorf("horizon %.20q: want a whole number of h, d, w or y up to 10y, such as 2h, 7d or 1y, or month", s)
	if len(s) < 2 {
		return 0, bad
	}
	hours := map[byte]Horizon{'h': 1, 'd': 24, 'w': 168, 'y': 8760}[s[len(s)-1]]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil || hours == 0 || n == 0 || strings.HasPrefix(s, "+") || n > uint64(longest/hours) {
		return 0, bad
	}
	return Horizon(n) * hours, nil
}

// Hours is the horizon as a number of hours.
func (h Horizon) Hours() int { return int(h) }

// String is "month" or the hours, such as "48h".
func (h Horizon) String() string {
	if h == Month {
		return "month"
	}
	return strconv.Itoa(int(h)) + "h"
}
