package vault

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Sweep removes what dead processes have left of volumes that they were building or
// removing, and what killed readers have left. Open, Create and Delete do it as well.
func (v *Vault) Sweep(ctx context.Context) error {
	const op = "sweep vault"
	l, err := v.lock(ctx)
	if err != nil {
		return failed(op, v.root.path, err)
	}
	err = v.retire()
	l.release()
	return failed(op, v.root.path, errors.Join(err, v.bury(ctx), v.SweepReadings()))
}

// leftovers are names at the root with a prefix that is Meson's alone.
func (v *Vault) leftovers(begin string) ([]string, error) {
	entries, _, err := v.root.entries(maxInADir)
	var out []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), begin) {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// alive reports whether somebody holds the lock of a folder, or whether that is not
// known. A folder without a lock's file is nobody's for who has the vault's lock.
func (v *Vault) alive(d *dir) bool {
	p, err := d.sub(privateName)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer p.close()
	if _, err := p.lstat(lockName); err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	l, err := tryLock(p, lockName)
	if l == nil {
		return true
	}
	l.release()
	return err != nil
}

// retire marks what dead makers have left as to be removed. The caller has the
// vault's lock, without which no maker begins.
func (v *Vault) retire() error {
	names, err := v.leftovers(newPrefix)
	for _, name := range names {
		d, derr := v.root.sub(name)
		if derr != nil {
			continue
		}
		if st, serr := d.stat(); serr == nil && int(st.Uid) == unix.Geteuid() && !v.alive(d) {
			err = errors.Join(err, v.root.moveNew(name, gonePrefix+strings.TrimPrefix(name, newPrefix)+"."+unique()))
		}
		d.close()
	}
	return err
}

// bury removes folders that are marked, at the root and where the latest scan has
// seen some, unless who marked them is at it.
func (v *Vault) bury(ctx context.Context) error {
	names, err := v.leftovers(gonePrefix)
	v.index.mu.Lock()
	for _, rel := range v.index.leftovers {
		if filepath.Dir(rel) != "." && strings.HasPrefix(filepath.Base(rel), gonePrefix) {
			names = append(names, rel)
		}
	}
	v.index.mu.Unlock()
	for _, rel := range names {
		if cerr := ctx.Err(); cerr != nil {
			return cerr
		}
		err = errors.Join(err, v.buryOne(rel))
	}
	return err
}

func (v *Vault) buryOne(rel string) error {
	parent, err := v.root.walk(filepath.Dir(rel))
	if err != nil {
		return nil // whoever moved it has it
	}
	defer parent.close()
	d, err := parent.sub(filepath.Base(rel))
	if err != nil {
		return nil
	}
	defer d.close()
	if st, err := d.stat(); err != nil || int(st.Uid) != unix.Geteuid() || v.alive(d) {
		return err
	}
	_, err = v.remove(parent, d, filepath.Base(rel))
	return err
}

// discard removes a folder at the root that this process was building.
func (v *Vault) discard(d *dir, name string) error {
	_, err := v.remove(v.root, d, name)
	return err
}

// remove empties a folder and removes it from its parent.
func (v *Vault) remove(parent, d *dir, name string) (freed uint64, err error) {
	e := &emptying{top: d, step: v.step}
	if err := e.run(); err != nil {
		return e.freed, err
	}
	v.step("remove folder")
	err = unix.Unlinkat(parent.fd(), name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	return e.freed, errors.Join(parent.fail("remove", name, err), parent.sync())
}
