package pricing

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Billing is how a provider turns time into money for one price, as data. The
// zero value bills the exact time, running or stopped, without cap or discount.
//
// The rules apply in this order: the time that counts (Stopped), rounded up
// (IncrementSeconds), at least MinimumSeconds, cut into months; of each month
// the cap (CapHours) or the tiers (Tiers). Months are nominal: 730 h from the
// start, a remainder follows, and up to 744 h altogether is one month.
type Billing struct {
	// IncrementSeconds is what is counted: 3600 bills started hours, 1 whole
	// seconds, and 0, like 1, the exact time, which is in seconds here.
	IncrementSeconds int64 `json:"increment_seconds,omitempty" yaml:"increment_seconds,omitempty"`
	// MinimumSeconds is billed even of a machine that ran for less.
	MinimumSeconds int64 `json:"minimum_seconds,omitempty" yaml:"minimum_seconds,omitempty"`
	// CapHours is how many hours of a month are billed at most; 0 is no cap. A
	// price per month is then spread over the cap: an hour of 3.00 capped at 672
	// is 3.00/672, and 672 h are 3.00 exactly.
	CapHours int64 `json:"cap_hours,omitempty" yaml:"cap_hours,omitempty"`
	// Tiers discount sustained use within each month, in ascending order up to 100
	// percent; none is no discount. A cap and tiers exclude one another.
	Tiers []Tier `json:"tiers,omitempty" yaml:"tiers,omitempty"`
	// Spot marks capacity that the provider may take back.
	Spot bool `json:"spot,omitempty" yaml:"spot,omitempty"`
	// SpotOf is the SKU of the same thing on demand, which must not be cheaper.
	SpotOf string `json:"spot_of,omitempty" yaml:"spot_of,omitempty"`
	// Stopped says whether the time of a stopped machine is billed.
	Stopped Stopped `json:"stopped,omitempty" yaml:"stopped,omitempty"`
	// Includes is what one unit of this SKU brings with it of others.
	Includes []Inclusion `json:"includes,omitempty" yaml:"includes,omitempty"`
	// Source is where the rules are stated, and AsOf when they were read there.
	Source string    `json:"source,omitempty" yaml:"source,omitempty"`
	AsOf   time.Time `json:"as_of,omitzero" yaml:"as_of,omitempty"`
}

// Tier is a stretch of every month and the factor that the price has in it.
type Tier struct {
	// UpToPercent is where the tier ends, in percent of 730 h; it begins where the
	// one before it ends, the first at 0. The last one reaches 100, and over hours
	// 731 to 744 of the one long month.
	UpToPercent int64 `json:"up_to_percent" yaml:"up_to_percent"`
	// Factor is a decimal of 0 to 1 with at most four decimals, such as "0.8".
	Factor string `json:"factor" yaml:"factor"`
}

// Inclusion is an amount of another SKU that is not charged.
type Inclusion struct {
	SKU string `json:"sku" yaml:"sku"`
	// Amount is a positive decimal string.
	Amount string `json:"amount" yaml:"amount"`
	// PerMonth spreads the amount over 730 h, so that a shorter horizon includes
	// less of it; otherwise it is there all the time, like a disk.
	PerMonth bool `json:"per_month,omitempty" yaml:"per_month,omitempty"`
}

// Stopped says whether a price runs on while the machine is stopped.
type Stopped string

// What is not known counts as billed: a quote is rather too high than too low.
const (
	StoppedUnknown Stopped = ""
	StoppedBilled  Stopped = "billed"
	StoppedFree    Stopped = "free"
)

const (
	hourSeconds  = 3600
	monthSeconds = HoursPerMonth * hourSeconds
	// longMonthSeconds is a calendar month of 31 days.
	longMonthSeconds = 744 * hourSeconds
	// tierScale makes the seconds of a tier and its factor whole numbers.
	tierScale = 100 * factorScale
	// factorScale is four decimals.
	factorScale = 10000
)

// Check reports every fault of the rules at once.
func (b *Billing) Check() error {
	if b == nil {
		return nil
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if b.IncrementSeconds < 0 || b.IncrementSeconds > monthSeconds {
		fault("increment_seconds %d: want 0 to %d", b.IncrementSeconds, monthSeconds)
	}
	if b.MinimumSeconds < 0 || b.MinimumSeconds > monthSeconds {
		fault("minimum_seconds %d: want 0 to %d", b.MinimumSeconds, monthSeconds)
	}
	if b.CapHours < 0 || b.CapHours > HoursPerMonth {
		fault("cap_hours %d: want 1 to %d, or 0 for none", b.CapHours, HoursPerMonth)
	}
	if b.CapHours > 0 && len(b.Tiers) > 0 {
		fault("a cap and tiers: want one of them")
	}
	if err := checkTiers(b.Tiers); err != nil {
		faults = append(faults, err)
	}
	if b.SpotOf != "" && !b.Spot {
		fault("spot_of %.64q without spot", b.SpotOf)
	}
	switch b.Stopped {
	case StoppedUnknown, StoppedBilled, StoppedFree:
	default:
		fault("stopped %.20q: want billed or free, or nothing where it is not known", b.Stopped)
	}
	seen := make(map[string]bool, len(b.Includes))
	for _, i := range b.Includes {
		if amount, err := parseDecimal(i.Amount); err != nil || amount.Sign() <= 0 {
			fault("includes %.40q of sku %.64q: want a positive decimal", i.Amount, i.SKU)
		}
		if i.SKU == "" || seen[i.SKU] {
			fault("includes sku %.64q: want each other SKU once", i.SKU)
		}
		seen[i.SKU] = true
	}
	return errors.Join(faults...)
}

func checkTiers(tiers []Tier) error {
	var faults []error
	var before int64
	for i, t := range tiers {
		if t.UpToPercent <= before || t.UpToPercent > 100 {
			faults = append(faults, fmt.Errorf("tier %d up to %d percent: want more than %d, at most 100", i+1, t.UpToPercent, before))
		}
		before = t.UpToPercent
		if _, err := t.factor(); err != nil {
			faults = append(faults, fmt.Errorf("tier %d: %w", i+1, err))
		}
	}
	if len(tiers) > 0 && before != 100 {
		faults = append(faults, fmt.Errorf("tiers end at %d percent: want 100", before))
	}
	return errors.Join(faults...)
}

// factor is the tier's factor in ten-thousandths.
func (t Tier) factor() (int64, error) {
	bad := fmt.Errorf("factor %.40q: want 0 to 1 with at most four decimals", t.Factor)
	d, err := parseDecimal(t.Factor)
	if err != nil || d.Exponent < -4 || d.Exponent > 0 || d.Sign() < 0 || !d.Coeff.IsInt64() {
		return 0, bad
	}
	n := d.Coeff.Int64()
	if n > factorScale {
		return 0, bad
	}
	for range 4 + d.Exponent {
		n *= 10
	}
	if n > factorScale {
		return 0, bad
	}
	return n, nil
}

// Billed is the time that is counted of a machine that ran for a time and was
// stopped for another, before any cap or discount: rounded up to the increment,
// and at least the minimum. A nil Billing counts all of it.
func (b *Billing) Billed(u Usage) time.Duration {
	return time.Duration(b.counted(u)) * time.Second
}

func (b *Billing) counted(u Usage) int64 {
	seconds := ceilSeconds(u.Running)
	if b == nil || b.Stopped != StoppedFree {
		seconds += ceilSeconds(u.Stopped)
	}
	if b == nil {
		return seconds
	}
	if i := b.IncrementSeconds; i > 1 {
		seconds = (seconds + i - 1) / i * i
	}
	return max(seconds, b.MinimumSeconds)
}

// charged is the counted time after the cap, in seconds.
func (b *Billing) charged(counted int64) int64 {
	if b == nil || b.CapHours == 0 {
		return counted
	}
	limit := b.CapHours * hourSeconds
	return overMonths(counted, func(s int64) int64 { return min(s, limit) })
}

// waived is how much of the charged time the tiers give away, in seconds ×
// tierScale.
func (b *Billing) waived(charged int64) (int64, error) {
	if b == nil || len(b.Tiers) == 0 {
		return 0, nil
	}
	// Ends are in hundredths of a second, as a percentage of a month is.
	ends, off := make([]int64, len(b.Tiers)), make([]int64, len(b.Tiers))
	for i, t := range b.Tiers {
		factor, err := t.factor()
		if err != nil {
			return 0, err
		}
		ends[i], off[i] = t.UpToPercent*monthSeconds, factorScale-factor
	}
	ends[len(ends)-1] = math.MaxInt64
	return overMonths(charged, func(s int64) int64 {
		var sum, begin int64
		for i, end := range ends {
			if upTo := min(s*100, end); upTo > begin {
				sum += (upTo - begin) * off[i]
			}
			begin = end
		}
		return sum
	}), nil
}

// overMonths adds what a function makes of every nominal month.
func overMonths(seconds int64, month func(int64) int64) int64 {
	if seconds <= longMonthSeconds {
		return month(seconds)
	}
	return seconds/monthSeconds*month(monthSeconds) + month(seconds%monthSeconds)
}

func ceilSeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}
