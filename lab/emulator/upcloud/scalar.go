package upcloud

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// number is a whole number of a request, which clients send as a number or in
// quotes. A missing one is 0.
type number int64

// UnmarshalJSON takes 10 and "10".
func (n *number) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	if len(text) > 0 && text[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		if text == "" {
			return nil
		}
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is not a whole number", text)
	}
	*n = number(v)
	return nil
}

// word is "yes" or "no" (or "on", "off") of a request; "" if it was missing.
// Anything but a string is kept as it stood, which is no valid word.
type word string

// UnmarshalJSON never fails on valid JSON: validation says which field is wrong.
func (w *word) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		s = "\x00" + string(data[:min(len(data), 32)])
	}
	*w = word(s)
	return nil
}

// is reports whether w is one of the words.
func (w word) is(words ...string) bool {
	for _, s := range words {
		if string(w) == s {
			return true
		}
	}
	return false
}

// or is w, or s where w is missing.
func (w word) or(s string) string {
	if w == "" {
		return s
	}
	return string(w)
}
