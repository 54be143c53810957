package vault

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// What names are made of. Ids of volumes that are found are opaque.
const (
	suffix      = ".elimg"
	prefix      = "vid."
	newPrefix   = ".meson-new-"
	gonePrefix  = ".meson-gone-"
	maxIDBytes  = 128
	maxText     = 256
	maxNameText = 1024
)

// idOf is the volume's id of a folder's name; folder is false where the name is not
// that of a volume, and id is empty where it is but has no usable id.
func idOf(name string) (id string, folder bool) {
	id, folder = strings.CutSuffix(name, suffix)
	if !folder {
		return "", false
	}
	id = strings.TrimPrefix(id, prefix)
	if len(id) > maxIDBytes || !printable(id) {
		return "", true
	}
	return id, true
}

// printable reports whether s is valid UTF-8 without anything that a terminal would
// act on.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r)
	})
}

var (
	newIDForm      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	attachmentForm = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)
	snapshotForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)
	fileForm       = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// idSpace is the UUID namespace of IDFor.
var idSpace = uuid.MustParse("7b5c2f6e-3d0a-5d6b-9f43-0f6c1d1f8a52")

// IDFor is the id of what an owner's key makes, the same at every call: a UUID.
func IDFor(o Owner) string {
	return uuid.NewSHA1(idSpace, []byte(o.Broker+"\x00"+o.Key)).String()
}
