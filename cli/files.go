package cli

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// What files given on the command line may hold, in bytes.
const (
	maxKeyFile   = 64 << 10
	maxConfig    = 1 << 20
	othersAccess = 0o007
)

// readBounded reads a file of at most most bytes.
func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, openError(name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, openError(name, err)
	}
	if int64(len(data)) > most {
		return nil, &core.Error{Kind: core.Invalid, Op: "read", Subject: name, Text: fmt.Sprintf("longer than %d KiB", most>>10)}
	}
	return data, nil
}

// readPublicKeys reads the SSH public keys of a file, one a line, as
// authorized_keys has them without options. No byte of the file appears in an
// error: it may be a private key, given by mistake.
func readPublicKeys(name string) ([]string, error) {
	bad := func(hint, format string, args ...any) error {
		return &core.Error{Kind: core.Invalid, Op: "read ssh key", Subject: name, Text: fmt.Sprintf(format, args...), Hint: hint}
	}
	data, err := readBounded(name, maxKeyFile)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(data, []byte("PRIVATE KEY")) || bytes.HasPrefix(data, []byte("PuTTY-User-Key-File")) {
		return nil, bad(fmt.Sprintf("the public one is usually in %s.pub", name), "this is a private key; it was not read any further")
	}
	var keys []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxKeyFile+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !publicKey(line) {
			return nil, bad("a public key is one line such as: ssh-ed25519 AAAAC3… you@laptop", "line %d is not an SSH public key", n)
		}
		keys = append(keys, line)
	}
	if len(keys) == 0 {
		return nil, bad("", "no key in it")
	}
	return keys, nil
}

// publicKey reports whether line is a type, the same type and a key in base64,
// and at most a comment.
func publicKey(line string) bool {
	kind, rest, ok := strings.Cut(line, " ")
	if !ok || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	blob, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil || len(raw) < 8 {
		return false
	}
	n := uint64(binary.BigEndian.Uint32(raw))
	return n > 0 && 4+n < uint64(len(raw)) && string(raw[4:4+n]) == kind
}

// secretFile checks a file that a secret will be read from, whose bytes are not
// looked at here, and gives its absolute path.
func secretFile(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", openError(name, err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", openError(name, err)
	case !info.Mode().IsRegular():
		return "", &core.Error{Kind: core.Invalid, Op: "read secret", Subject: name, Text: "not a regular file"}
	case info.Mode().Perm()&othersAccess != 0:
		return "", &core.Error{
			Kind: core.Invalid, Op: "read secret", Subject: name,
			Text: fmt.Sprintf("everybody can get at it (mode %04o)", info.Mode().Perm()), Hint: "`chmod 600 " + quote(name) + "`",
		}
	}
	return path, nil
}
