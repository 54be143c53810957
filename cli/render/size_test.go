package render

import "testing"

func TestSizes(t *testing.T) {
	for _, test := range []struct {
		bytes            int64
		exact, gib, some string
	}{
		{0, "0 bytes", "0", "0 bytes"},
		{1, "1 byte", "0.000000000931322574615478515625", "1 byte"},
		{1 << 10, "1 KiB", "0.00000095367431640625", "1 KiB"},
		{128 << 20, "128 MiB", "0.125", "128 MiB"},
		{640 << 20, "640 MiB", "0.625", "640 MiB"},
		{10 << 30, "10 GiB", "10", "10 GiB"},
		{10<<30 + 128<<20, "10.125 GiB", "10.125", "10.1 GiB"},
		{1 << 40, "1 TiB", "1024", "1 TiB"},
		{1<<40 + 1<<30, "1025 GiB", "1025", "1 TiB"},
		{1<<40 + 1, "1099511627777 bytes", "1024.000000000931322574615478515625", "1 TiB"},
		{1536 << 40, "1536 TiB", "1572864", "1536 TiB"},
		{123456789, "123456789 bytes", "", "118 MiB"},
	} {
		if got := Size(test.bytes); got != test.exact {
			t.Errorf("Size(%d) = %q: want %q", test.bytes, got, test.exact)
		}
		if got := About(test.bytes); got != test.some {
			t.Errorf("About(%d) = %q: want %q", test.bytes, got, test.some)
		}
		if got := gib(test.bytes); test.gib != "" && string(got) != test.gib {
			t.Errorf("gib(%d) = %q: want %q", test.bytes, got, test.gib)
		}
	}
}
