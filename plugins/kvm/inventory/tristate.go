package inventory

import "encoding/json"

// Tristate is yes, no or unknown; the zero value is unknown.
type Tristate int8

// The three.
const (
	Unknown Tristate = iota
	Yes
	No
)

// String is unknown, yes or no.
func (t Tristate) String() string {
	switch t {
	case Yes:
		return "yes"
	case No:
		return "no"
	default:
		return "unknown"
	}
}

// MarshalJSON writes the word.
func (t Tristate) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }
