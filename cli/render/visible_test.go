package render

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain, größe, 東京":      "plain, größe, 東京",
		"\x1b[31mred\x1b[0m":    `\x1b[31mred\x1b[0m`,
		"a\nb\tc\r":             `a\nb\tc\x0d`,
		"\u009b2J":              `\u009b2J`,
		"user\u202egpj.exe":     `user\u202egpj.exe`,
		"zero\u200bwidth":       `zero\u200bwidth`,
		"not utf-8 \xff\xfe":    `not utf-8 \xff\xfe`,
		"\x7f":                  `\x7f`,
		"line\u2028separator":   `line\u2028separator`,
		"replacement \ufffd ok": "replacement \ufffd ok",
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("\x1b]0;title\x07")
	f.Add("\xe2\x80")
	f.Fuzz(func(t *testing.T, s string) {
		out := Visible(s)
		if !utf8.ValidString(out) || needsEscape(out) || strings.Contains(out, "\n") {
			t.Errorf("Visible(%q) = %q still has something to escape", s, out)
		}
		if Visible(out) != out {
			t.Errorf("Visible(%q) is not stable", s)
		}
	})
}
