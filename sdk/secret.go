package sdk

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

// Reveal is the hidden value. It goes to the provider's API or to a 0600 file,
// never to a log, an error, a label, an argument or the environment.
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
