package spec

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
)

// account is a user's name that every system takes.
func account() text {
	return text{
		want: "a letter or underscore, then letters, digits, dot, hyphen and underscore, at most 32", most: 32, optional: true,
		pattern: `^[A-Za-z_][A-Za-z0-9._-]{0,31}$`,
		normal: func(s string) (string, string) {
			if !only(s, letters+"0123456789._-") || !only(s[:1], letters+"_") {
				return "", "is no user name"
			}
			return s, ""
		},
	}
}

// publicKey is a line of an authorized_keys file without options. Faults do not
// show it, since a private key may stand in its place.
func publicKey() text {
	return text{
		want: `a public key such as "ssh-ed25519 AAAA… ada@laptop"`, most: 16 << 10, hidden: true,
		normal: func(s string) (string, string) {
			s = strings.TrimSpace(s)
			if strings.HasPrefix(s, "-----BEGIN") {
				return "", "is a private key, which stays where it is"
			}
			for _, c := range s {
				if unicode.IsControl(c) && c != '\t' {
					return "", "is not one line"
				}
			}
			parts := strings.Fields(s)
			if len(parts) < 2 || !slices.Contains(keyTypes(), parts[0]) {
				return "", "does not start with the type of a public key"
			}
			if !isKeyOf(parts[0], parts[1]) {
				return "", "is not a whole public key of its type"
			}
			return strings.Join(parts, " "), ""
		},
	}
}

func keyTypes() []string {
	return []string{
		"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
	}
}

// isKeyOf reports whether encoded is a sequence of length-prefixed parts whose
// first is the type and which is not cut short.
func isKeyOf(kind, encoded string) bool {
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return false
	}
	count := 0
	for ; len(blob) > 0; count++ {
		if len(blob) < 4 {
			return false
		}
		size := binary.BigEndian.Uint32(blob)
		if blob = blob[4:]; uint64(size) > uint64(len(blob)) {
			return false
		}
		if count == 0 && string(blob[:size]) != kind {
			return false
		}
		blob = blob[size:]
	}
	return count >= 2
}
