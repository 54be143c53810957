package core

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password, user data or a credential. Every way of printing or
// encoding it shows [redacted], or nothing if it is empty; Reveal is the only
// way to the bytes.
type Secret struct{ value string }

const redacted = "[redacted]"

// NewSecret hides a value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal is the hidden value. Callers write it to the guest's seed or to a
// 0600 file, never to a log, an error, a label or the ledger.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is nothing to hide.
func (s Secret) IsZero() bool { return s.value == "" }

// String is [redacted].
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format keeps every verb from showing the value, %d and %#v too, which do not
// ask String.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue keeps slog from showing the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText writes [redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a value as it stands in a spec. The text [redacted] is
// read as no value: what was printed cannot come back.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = string(text)
	if s.value == redacted {
		s.value = ""
	}
	return nil
}
