package inventory

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Address is where a PCI device sits.
type Address struct {
	Domain, Bus, Slot, Function uint32
}

// String is in the way of lspci: 0000:01:00.0.
func (a Address) String() string {
	return fmt.Sprintf("%04x:%02x:%02x.%x", a.Domain, a.Bus, a.Slot, a.Function)
}

// ParseAddress reads what String writes.
func ParseAddress(s string) (Address, error) {
	bad := fmt.Errorf("PCI address %.40q: want one such as 0000:01:00.0", s)
	domain, rest, _ := strings.Cut(s, ":")
	bus, rest, _ := strings.Cut(rest, ":")
	slot, function, _ := strings.Cut(rest, ".")
	var a Address
	for _, f := range []struct {
		text string
		into *uint32
		bits int
	}{{domain, &a.Domain, 32}, {bus, &a.Bus, 8}, {slot, &a.Slot, 5}, {function, &a.Function, 3}} {
		n, err := strconv.ParseUint(f.text, 16, f.bits)
		if err != nil {
			return Address{}, bad
		}
		*f.into = uint32(n)
	}
	if a.String() != s {
		return Address{}, bad
	}
	return a, nil
}

// SameSlot reports whether both are functions of one device.
func (a Address) SameSlot(b Address) bool {
	return a.Domain == b.Domain && a.Bus == b.Bus && a.Slot == b.Slot
}

// Compare orders addresses.
func (a Address) Compare(b Address) int {
	return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Bus, b.Bus),
		cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Function, b.Function))
}

// MarshalText writes String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads it.
func (a *Address) UnmarshalText(text []byte) error {
	v, err := ParseAddress(string(text))
	if err == nil {
		*a = v
	}
	return err
}
