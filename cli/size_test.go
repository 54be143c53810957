package cli

import (
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"10GiB": 10 << 30, "10 GiB": 10 << 30, "0.125GiB": 128 << 20, "128MiB": 128 << 20, "1.5TiB": 1536 << 30, "65536GiB": 65536 << 30, " 1GiB ": 1 << 30,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v: want %d", text, got, err, want)
		}
	}
	// Every refusal says what would be right.
	for text, want := range map[string]string{
		"0.3GiB": "256MiB or 384MiB would be right", "100MiB": "128MiB would be right", "10.1GiB": "10GiB or 10.125GiB would be right",
		"10": "10GiB?", "10G": "10GiB?", "10gb": "10GiB?", "512M": "512MiB?", "2T": "2TiB?",
		"": "such as 10GiB", "ten": "such as 10GiB", "-1GiB": "such as 10GiB", "1e3GiB": "such as 10GiB", "0GiB": "such as 10GiB",
		"65537GiB": "such as 10GiB", "10KiB": "such as 10GiB", "999999999999TiB": "such as 10GiB", "1GiB\x1b[2J": "such as 10GiB",
	} {
		if got, err := parseSize(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %d, %v: want %q", text, got, err, want)
		}
	}
	if got := roundedUp(1); got != 128<<20 {
		t.Errorf("one byte takes %d", got)
	}
	if got := roundedUp(128<<20 + 1); got != 256<<20 {
		t.Errorf("128 MiB and one byte take %d", got)
	}
}

func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"10GiB", "0.3GiB", "1e9TiB", "10", "\x1b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := parseSize(text)
		if err != nil {
			return
		}
		if size < sizeStep || size > maxSize || size%sizeStep != 0 {
			t.Errorf("%q is %d", text, size)
		}
		if again, err := parseSize(sizeWord(size)); err != nil || again != size {
			t.Errorf("%q is %d, and %q is %d, %v", text, size, sizeWord(size), again, err)
		}
	})
}
