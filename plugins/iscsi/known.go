package iscsi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// knownVaults are the ids of the vaults that were opened since the machine began, a
// file in the runtime directory for each path. By them an empty directory below a
// mount that is missing is told from a vault.
type knownVaults struct{ dir string }

func (k knownVaults) file(path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(k.dir, hex.EncodeToString(sum[:8]))
}

// id is that of a path, empty where none was opened.
func (k knownVaults) id(path string) (string, error) {
	text, err := os.ReadFile(k.file(path))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// note writes down what was opened.
func (k knownVaults) note(path string, v *vault.Vault) error {
	if has, err := k.id(path); err != nil || has == v.ID() {
		return err
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	fresh, err := os.CreateTemp(k.dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name())
	_, err = fresh.WriteString(v.ID() + "\n")
	return errors.Join(err, fresh.Close(), os.Rename(fresh.Name(), k.file(path)))
}

// openVault opens one vault, unless another was there before, or it is a copy of one
// that is open.
func (s *store) openVault(o vault.Options, open func(vault.Options) (*vault.Vault, error)) (*vault.Vault, *sdk.Fault) {
	known := knownVaults{filepath.Join(s.dir, "v")}
	fault := func(format string, args ...any) *sdk.Fault {
		return &sdk.Fault{Path: "path", Have: o.Root, Want: "a directory that can be written", Text: sdk.CleanText(fmt.Sprintf(format, args...), 500)}
	}
	var err error
	if o.ID, err = known.id(o.Root); err != nil {
		return nil, fault("%v", err)
	}
	v, err := open(o)
	if err != nil && o.ID != "" {
		return nil, fault("%v; if another vault is to be there, remove %s", err, known.file(o.Root))
	}
	if err != nil {
		return nil, fault("%v", err)
	}
	for _, other := range s.vaults {
		if other.vault.ID() == v.ID() {
			_ = v.Close()
			return nil, fault("%s is a copy of the vault %s, with its id: remove %s, and what is in use in it is not served from there", o.Root, other.vault.Root(), filepath.Join(o.Root, ".meson", "id"))
		}
	}
	if err := known.note(o.Root, v); err != nil {
		s.log.Warn("that the vault was here is not written down: a mount that is missing may not be noticed", "vault", o.Root, "error", err)
	}
	return v, nil
}
