package inventory

import (
	"fmt"
	"math/bits"
)

// mebibytes converts a size in one of libvirt's units, rounding down. An empty
// unit is KiB, libvirt's default for memory.
func mebibytes(value uint64, unit string) (uint64, error) {
	factor := map[string]uint64{
		"": 1 << 10, "b": 1, "bytes": 1, "KB": 1e3, "k": 1 << 10, "KiB": 1 << 10, "MB": 1e6, "M": 1 << 20, "MiB": 1 << 20,
		"GB": 1e9, "G": 1 << 30, "GiB": 1 << 30, "TB": 1e12, "T": 1 << 40, "TiB": 1 << 40,
	}[unit]
	if factor == 0 {
		return 0, fmt.Errorf("unit %.10q is not one of libvirt's", unit)
	}
	over, size := bits.Mul64(value, factor)
	if over != 0 {
		return 0, fmt.Errorf("%d %s is out of range", value, unit)
	}
	return size >> 20, nil
}
