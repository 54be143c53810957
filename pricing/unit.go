package pricing

import "fmt"

// Unit is what a price is for and what a quantity counts.
type Unit string

// The units. A month is 730 hours, billed by the hour unless a Billing says
// otherwise.
const (
	UnitHour     Unit = "hour"      // one thing for an hour
	UnitGiBHour  Unit = "gib-hour"  // one GiB for an hour
	UnitMonth    Unit = "month"     // one thing for a month
	UnitGiBMonth Unit = "gib-month" // one GiB for a month
	UnitGiB      Unit = "gib"       // one GiB moved, once
)

// HoursPerMonth is the length of the month that monthly prices are divided by:
// 8760 hours of a year over 12.
const HoursPerMonth = 730

// span is over how many hours the price of one unit is spread; 0 means that it
// is paid once, however long the horizon.
func (u Unit) span() (int64, error) {
	switch u {
	case UnitHour, UnitGiBHour:
		return 1, nil
	case UnitMonth, UnitGiBMonth:
		return HoursPerMonth, nil
	case UnitGiB:
		return 0, nil
	}
	return 0, fmt.Errorf("unit %q: want hour, gib-hour, month, gib-month or gib", u)
}

// Kind sorts the lines of a price.
type Kind string

// The kinds of line.
const (
	KindCompute     Kind = "compute"
	KindMemory      Kind = "memory"
	KindAccelerator Kind = "accelerator"
	KindDisk        Kind = "disk"
	KindAddress     Kind = "address"
	KindTraffic     Kind = "traffic"
	KindLicence     Kind = "licence"
	KindSnapshot    Kind = "snapshot"
)

// The kinds of line that rules add. No SKU of a price list has one.
const (
	KindDiscount Kind = "discount"
	KindFee      Kind = "fee"
	KindTax      Kind = "tax"
)

// Valid reports whether k is one of the kinds that a SKU can have.
func (k Kind) Valid() bool {
	switch k {
	case KindCompute, KindMemory, KindAccelerator, KindDisk, KindAddress, KindTraffic, KindLicence, KindSnapshot:
		return true
	}
	return false
}
