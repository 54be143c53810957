package ledger

import (
	"strings"
	"testing"
)

func TestNewID(t *testing.T) {
	seen := make(map[string]bool)
	first := make(map[byte]bool)
	for range 2000 {
		id := NewID()
		if !ValidID(id) || seen[id] || id[0] <= '9' {
			t.Fatalf("id %q", id)
		}
		seen[id], first[id[0]] = true, true
	}
	if len(first) != 26 {
		t.Errorf("ids begin with %d of 26 letters", len(first))
	}
}

// Whatever is typed: an id is a safe name of a file, and the range of a prefix
// holds what begins with it and nothing else.
func FuzzID(f *testing.F) {
	for _, s := range []string{"", "abcd", "abcdefghij", "../../etc/x", "abc%", "ABCD", "zzzz", "0-0-0", "\xff\x00ab", strings.Repeat("a", 64)} {
		f.Add(s, "abcdefghij")
	}
	f.Fuzz(func(t *testing.T, typed, id string) {
		if ValidID(typed) && (len(typed) != 10 || strings.Trim(typed, idAlphabet) != "") {
			t.Errorf("%q is valid", typed)
		}
		if (checkID(typed) == nil) != ValidID(typed) {
			t.Errorf("%q: two opinions", typed)
		}
		from, to, ok := prefix(typed)
		if ok && (len(typed) < prefixLength || strings.Trim(typed, idAlphabet+"-") != "") {
			t.Errorf("%q can begin an id", typed)
		}
		if ok && len(id) <= 63 && plain(id, true) && (from <= id && id <= to) != strings.HasPrefix(id, typed) {
			t.Errorf("%q within %q to %q: want where it begins with %q", id, from, to, typed)
		}
		if n := len(short(typed)); n > 64+len("…") {
			t.Errorf("%d bytes are called short", n)
		}
	})
}
