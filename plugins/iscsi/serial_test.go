package iscsi

import (
	"strings"
	"testing"
)

// A serial is what SCSI takes; a found volume's id may be anything printable.
func TestSerial(t *testing.T) {
	for id, want := range map[string]string{
		"v1": "v1", "V_1.a-b": "V_1.a-b", "my disk": "", "größe": "", "a,b=c": "", "": "",
		strings.Repeat("x", 40): strings.Repeat("x", 36),
	} {
		if got := serial(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}
