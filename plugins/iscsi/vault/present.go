package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// hintMissing is what to do where a root is not the vault that was there.
const hintMissing = "mount the vault's file system there again, or restart what serves it if the vault was moved on purpose"

// Present is nil while the vault's root is the directory that was opened, with the
// vault's id in it; otherwise Unavailable. Where a file system is no longer mounted,
// the empty directory below it must not be taken for a vault whose volumes are gone.
func (v *Vault) Present() error {
	const op = "look at vault"
	now, err := os.Stat(v.root.path)
	if err != nil {
		return missing(op, v.root.path, "it cannot be reached: "+cause(err).Error())
	}
	st, err := v.root.stat()
	if err != nil {
		return missing(op, v.root.path, "it cannot be read: "+cause(err).Error())
	}
	if at, ok := now.Sys().(*syscall.Stat_t); !ok || at.Dev != st.Dev || at.Ino != st.Ino {
		return missing(op, v.root.path, "another directory is there than the one that was opened")
	}
	switch id, err := readID(v.root); {
	case err != nil:
		return missing(op, v.root.path, fmt.Sprintf("%s/id, by which it is known, cannot be read: %v", privateName, cause(err)))
	case id != v.id:
		return missing(op, v.root.path, fmt.Sprintf("it has the id %s: want %s", short(id), v.id))
	}
	return nil
}

// expect is nil where a root may be opened: it has the id, or none is expected.
// Nothing is written, as what is there may be the directory below a mount.
func expect(root *dir, id string) error {
	if id == "" {
		return nil
	}
	has, err := readID(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing("open vault", root.path, "the vault "+id+" was here, and is not now: is its file system mounted?")
	case err != nil:
		return err
	case has != id:
		return missing("open vault", root.path, fmt.Sprintf("the vault %s was here, and now there is %s", id, short(has)))
	}
	return nil
}

// readID is what stands in a root's id.
func readID(root *dir) (string, error) {
	p, err := root.sub(privateName)
	if err != nil {
		return "", err
	}
	defer p.close()
	data, _, err := p.read("id", 64)
	return strings.TrimSpace(string(data)), err
}

func missing(op, path, text string) error {
	return refusal(sdk.Unavailable, op, "vault "+path, text, hintMissing)
}

// lost reports whether an error of a directory may hide volumes that are there. What
// nobody may read, what is none any more and what is gone hides none.
func lost(err error) bool {
	return !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP)
}
