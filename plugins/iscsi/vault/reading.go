package vault

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// readingName is a directory in the vault's own folder with a file for each Reading,
// locked as long as whoever reads is alive.
const readingName = "reading"

const maxReadingBytes = 4 << 10

// Reading is a long look at one file of a volume, such as an export. It goes on
// without the volume's lock; until its End, or the end of the process that reads,
// nobody begins to write that file, and the volume is not deleted. Attachments end,
// and are cut off, as if it were not there.
type Reading struct {
	vault *Vault
	name  string
	lock  *flock
}

// Read begins a Reading of a file in the volume's folder. The caller has the
// volume's lock; it opens the file before it gives that back.
func (h *Held) Read(what, file string) (*Reading, error) {
	const op = "read volume"
	folder, err := h.d.stat()
	if err != nil {
		return nil, failed(op, h.vol.String(), err)
	}
	st, err := h.d.lstat(file)
	if err != nil {
		return nil, failed(op, h.vol.String(), err)
	}
	text, err := json.Marshal(Reader{What: what, Since: h.vault.now(), Volume: h.vol.ID, Device: uint64(folder.Dev), Folder: folder.Ino, File: st.Ino})
	if err != nil {
		return nil, err
	}
	if err := h.vault.SweepReadings(); err != nil {
		return nil, err
	}
	d, err := h.vault.readings(true)
	if err != nil {
		return nil, failed(op, h.vol.String(), err)
	}
	defer d.close()
	for {
		r := &Reading{vault: h.vault, name: unique()}
		if r.lock, err = tryLock(d, r.name); err != nil {
			return nil, failed(op, h.vol.String(), err)
		}
		h.vault.step("note reading")
		// Before it was locked, somebody may have taken it for a dead one's.
		if now, serr := d.lstat(r.name); r.lock == nil || serr != nil || !sameFile(r.lock.f, now) {
			r.lock.release()
			continue
		}
		if _, err := r.lock.f.Write(text); err != nil {
			r.End()
			return nil, failed(op, h.vol.String(), err)
		}
		return r, nil
	}
}

// sameFile reports whether an open file is the one that was looked at.
func sameFile(f *os.File, st unix.Stat_t) bool {
	var now unix.Stat_t
	return unix.Fstat(int(f.Fd()), &now) == nil && now.Dev == st.Dev && now.Ino == st.Ino
}

// Lock is the open file by which others know that the reader is alive. A child that
// reads for it inherits it, so that the Reading stands as long as that lives.
func (r *Reading) Lock() *os.File { return r.lock.f }

// Scratch is a directory of the vault's file system for what the reader needs
// meanwhile. It goes with the Reading, also where the reader is killed.
func (r *Reading) Scratch() (string, error) {
	path := r.vault.scratch(r.name)
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return path, failed("read volume", path, err)
}

func (v *Vault) scratch(name string) string {
	return filepath.Join(v.root.path, privateName, readingName, name+".d")
}

// End ends the Reading. What it read is closed by then.
func (r *Reading) End() {
	if d, err := r.vault.readings(false); err == nil {
		r.vault.endReading(d, r.name)
		d.close()
	}
	r.lock.release()
}

// endReading removes what a reader has left; its record is the last to go.
func (v *Vault) endReading(d *dir, name string) {
	err := os.RemoveAll(v.scratch(name))
	if err == nil {
		err = d.unlink(name)
	}
	if err != nil {
		v.o.Log.Warn("what a reader has left stays in the vault", "path", v.scratch(name), "error", err)
	}
}

// readings opens the directory of the records; NotExist where there is none and it is
// not to be made.
func (v *Vault) readings(make bool) (*dir, error) {
	p, err := v.private(v.root)
	if err != nil {
		return nil, err
	}
	defer p.close()
	d, err := p.sub(readingName)
	if make && errors.Is(err, fs.ErrNotExist) {
		if err := p.mkdir(readingName, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		d, err = p.sub(readingName)
	}
	return d, err
}
