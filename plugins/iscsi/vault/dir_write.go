package vault

import (
	"errors"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// write makes a new file, in place of an older one of the name, and syncs it.
func (d *dir) write(name string, data []byte, mode uint32) error {
	if err := d.unlink(name); err != nil {
		return err
	}
	f, err := d.open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	// The mode is what was asked for, whatever the umask is.
	err = errors.Join(err, unix.Fchmod(int(f.Fd()), mode), f.Sync(), f.Close())
	return d.fail("write", name, err)
}

// mkdir makes a directory with exactly that mode.
func (d *dir) mkdir(name string, mode uint32) error {
	if err := unix.Mkdirat(d.fd(), name, 0o700); err != nil {
		return d.fail("mkdir", name, err)
	}
	return d.fail("chmod", name, unix.Fchmodat(d.fd(), name, mode, 0))
}

// unlink removes what is no directory; what is not there is removed.
func (d *dir) unlink(name string) error {
	err := unix.Unlinkat(d.fd(), name, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return d.fail("remove", name, err)
}

// move renames a name of d to one of another directory, whose old bearer it replaces.
func (d *dir) move(name string, to *dir, newName string) error {
	return d.fail("rename", name, unix.Renameat(d.fd(), name, to.fd(), newName))
}

// moveNew renames a directory of d to a name that nobody has. Where the filesystem
// cannot promise it, the caller's lock does.
func (d *dir) moveNew(name, newName string) error {
	err := unix.Renameat2(d.fd(), name, d.fd(), newName, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if _, serr := d.lstat(newName); serr == nil {
			return d.fail("rename", newName, unix.EEXIST)
		}
		err = unix.Renameat(d.fd(), name, d.fd(), newName)
	}
	return d.fail("rename", name, err)
}

// sync makes names of d that were made, moved or removed durable.
func (d *dir) sync() error { return d.fail("sync", "", d.f.Sync()) }

// maxDepth is how deep anything is looked into.
const maxDepth = 32

// syncAll makes everything in d durable, files and directories, d too.
func (d *dir) syncAll(depth int) error {
	if depth > maxDepth {
		return d.fail("sync", "", errors.New("nested too deeply"))
	}
	err := d.each(func(name string, st unix.Stat_t) error {
		if kindOf(st) != "" {
			return nil
		}
		f, err := d.open(name, unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		return d.fail("sync", name, errors.Join(f.Sync(), f.Close()))
	}, func(s *dir, _ string) error { return s.syncAll(depth + 1) })
	return errors.Join(err, d.sync())
}

// each calls file for everything in d but directories, and tree for those. What
// vanishes meanwhile is passed over.
func (d *dir) each(file func(name string, st unix.Stat_t) error, tree func(s *dir, name string) error) error {
	again, err := d.sub(".")
	if err != nil {
		return err
	}
	defer again.close()
	for {
		some, err := again.f.ReadDir(256)
		for _, e := range some {
			if err := d.one(e.Name(), file, tree); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (d *dir) one(name string, file func(name string, st unix.Stat_t) error, tree func(s *dir, name string) error) error {
	st, err := d.lstat(name)
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return file(name, st)
	}
	s, err := d.sub(name)
	if err != nil {
		return err
	}
	defer s.close()
	return tree(s, name)
}
