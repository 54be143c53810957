package render

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Visible makes every character of s that could move a cursor, change a colour
// or reorder text visible as an escape such as \x1b or \u202e, so that a line
// stays one line and shows what it holds. Bytes that are not UTF-8 become \xNN.
func Visible(s string) string {
	if !needsEscape(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case hostile(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case hostile(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

func needsEscape(s string) bool {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if hostile(r) || r == utf8.RuneError && size == 1 {
			return true
		}
		i += size
	}
	return false
}

// hostile reports whether a terminal may do something other than show r: the
// C0 and C1 controls, line and paragraph separators, invisible characters, and
// those that reorder what follows.
func hostile(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e:
		return true
	case r >= 0x2060 && r <= 0x206f, r == 0x61c, r == 0xfeff:
		return true
	}
	return false
}
