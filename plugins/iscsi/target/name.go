package target

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// maxIQN is how long a name may be, RFC 7143 section 4.2.7.1.
const maxIQN = 223

var (
	authorityForm = regexp.MustCompile(`^iqn\.[0-9]{4}-(0[1-9]|1[0-2])\.[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	partForm      = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
)

// CheckAuthority says what is wrong with a naming authority, such as
// iqn.2026-01.dev.example; "" if nothing is.
func CheckAuthority(authority string) string {
	if !authorityForm.MatchString(authority) || len(authority) > 100 {
		return "want iqn.YYYY-MM.reversed.domain, such as iqn.2026-01.dev.example, of at most 100 bytes"
	}
	return ""
}

// Name is the target's name of one attachment: authority:volume.epoch.attachment.
// A volume id that cannot stand in a name is replaced by a hash of it. Epochs of
// a volume only rise and attachments have ids of their own, so no name comes
// twice.
func Name(authority, volume string, epoch uint64, attachment string) string {
	return fmt.Sprintf("%s:%s.%d.%s", authority, part(volume), epoch, part(attachment))
}

// Key is the Volume.Key of a volume at a place of this machine, such as its
// folder.
func Key(volume, place string) string {
	sum := sha256.Sum256([]byte(volume + "\x00" + place))
	name := volume
	if !keyForm.MatchString(name) || len(name) > 31 {
		name = strings.Map(func(r rune) rune {
			if r < 0x80 && keyForm.MatchString(string(r)) {
				return r
			}
			return -1
		}, name)
		name = name[:min(len(name), 31)]
	}
	return name + "-" + hex.EncodeToString(sum[:4])
}

func part(s string) string {
	if partForm.MatchString(s) && len(s) <= 48 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// NewPassword is one of 16 letters and digits, which every initiator takes: some
// want 12 to 16. It has 95 bits, as CHAP lets who listens on the wire guess as
// fast as MD5 is.
func NewPassword() sdk.Secret {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var password []byte
	for len(password) < 16 {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails
		for _, c := range b {
			// Below 248, the largest multiple of 62: each letter is as likely.
			if c < 248 && len(password) < 16 {
				password = append(password, letters[c%62])
			}
		}
	}
	return sdk.NewSecret(string(password))
}
