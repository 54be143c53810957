package ledger

import (
	"crypto/rand"
	"strings"

	"github.com/mesoncloud/meson/core"
)

const (
	idLength     = 10
	prefixLength = 4
	idAlphabet   = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// NewID is a fresh random id of [a-z0-9]{10}. It begins with a letter, so that
// it can stand wherever a name can.
func NewID() string {
	// 252 is the greatest multiple of 36 in a byte: what is above is thrown
	// away, for every character to be as likely.
	const fair = 252
	id := make([]byte, 0, idLength)
	for len(id) < idLength {
		var random [2 * idLength]byte
		// Read never fails: it ends the process instead.
		_, _ = rand.Read(random[:])
		for _, b := range random {
			c := idAlphabet[b%36]
			if b >= fair || len(id) == idLength || len(id) == 0 && c <= '9' {
				continue
			}
			id = append(id, c)
		}
	}
	return string(id)
}

// ValidID reports whether s has the form of an allocation's id.
func ValidID(s string) bool { return len(s) == idLength && plain(s, false) }

func checkID(s string) error {
	if ValidID(s) {
		return nil
	}
	return &core.Error{
		Kind: core.Invalid, Subject: "allocation", Text: "the id is malformed",
		Faults: []core.Fault{{Path: "id", Have: short(s), Want: "ten characters of a-z and 0-9", Text: "malformed id"}},
	}
}

// prefix is the range of ids that begin with s, which holds in every collation
// that sorts digits and lower-case letters among themselves; ok tells whether s
// is long enough and can begin one at all.
func prefix(s string) (from, to string, ok bool) {
	if len(s) < prefixLength || len(s) > 63 || !plain(s, true) {
		return "", "", false
	}
	return s, s + strings.Repeat("z", 64-len(s)), true
}

func plain(s string, dash bool) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || !dash) {
			return false
		}
	}
	return s != ""
}

// short keeps what somebody typed from filling a screen.
func short(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}
