package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// BeingRead is the Code of a Busy error that says that the image is being read at
// length: nobody may begin to write it before that ends, or before another file has
// taken the image's place.
const BeingRead = "being_read"

// Reader is what a Reading says of itself.
type Reader struct {
	// What it is, such as "an export", and since when.
	What  string    `json:"what"`
	Since time.Time `json:"since"`
	// Volume is its id. Device and Folder are the number of its folder, File that of
	// the file: names may change, and another machine that has the vault mounted has
	// another number for the device.
	Volume string `json:"volume,omitempty"`
	Device uint64 `json:"device"`
	Folder uint64 `json:"folder"`
	File   uint64 `json:"file"`
}

// SweepReadings removes what readers have left that were killed.
func (v *Vault) SweepReadings() error {
	_, err := v.readers()
	return failed("sweep vault", v.root.path, err)
}

// readers are those that are alive; what the others have left is removed.
func (v *Vault) readers() ([]Reader, error) {
	d, err := v.readings(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	entries, _, err := d.entries(maxInADir)
	if err != nil {
		return nil, err
	}
	var out []Reader
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".d") || !e.Type().IsRegular() {
			continue
		}
		r, err := v.reader(d, e.Name())
		if err != nil {
			return nil, err
		}
		if r != nil {
			out = append(out, *r)
		}
	}
	return out, nil
}

// reader is the live reader of a record, nil without one.
func (v *Vault) reader(d *dir, name string) (*Reader, error) {
	f, err := d.open(name, unix.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case err == nil:
		v.endReading(d, name)
		return nil, nil
	case !errors.Is(err, unix.EWOULDBLOCK):
		return nil, d.fail("lock", name, err)
	}
	text, _, err := d.read(name, maxReadingBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &Reader{}
	if json.Unmarshal(text, r) != nil {
		return nil, nil // it is just beginning: of a volume whose lock another one has
	}
	return r, nil
}

// Readers are those who read a volume at length.
func (v *Vault) Readers(vol *Volume) ([]Reader, error) {
	const op = "read volume"
	all, err := v.readers()
	if err != nil || len(all) == 0 {
		return nil, failed(op, vol.String(), err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(vol.Folder, &st); err != nil {
		return nil, failed(op, vol.String(), err)
	}
	return slices.DeleteFunc(all, func(r Reader) bool {
		return r.Folder != st.Ino || r.Device != uint64(st.Dev) && (r.Volume == "" || r.Volume != vol.ID)
	}), nil
}

// Readers are those who read the volume at length.
func (h *Held) Readers() ([]Reader, error) { return h.vault.Readers(h.vol) }

// Reading is how many read the volume's image, as it is, at length.
func (v *Vault) Reading(vol *Volume) (int, error) {
	all, err := v.readersOfImage(vol)
	return len(all), err
}

func (v *Vault) readersOfImage(vol *Volume) ([]Reader, error) {
	all, err := v.Readers(vol)
	if err != nil || len(all) == 0 || vol.DataFile == "" {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Lstat(vol.Data(), &st); err != nil {
		return nil, failed("read volume", vol.String(), err)
	}
	return slices.DeleteFunc(all, func(r Reader) bool { return r.File != st.Ino }), nil
}

// Unread is nil while nobody reads the volume's image, as it is, at length; otherwise
// Busy, with the Code BeingRead, who and since when. Snapshots may be read.
func (h *Held) Unread(op string) error {
	all, err := h.vault.readersOfImage(h.vol)
	if err != nil || len(all) == 0 {
		return err
	}
	return h.busyReader(op, all[0])
}

func (h *Held) busyReader(op string, r Reader) error {
	what := r.What
	if what == "" || !plain(what) {
		what = "somebody"
	}
	return &sdk.Error{
		Kind: sdk.Busy, Code: BeingRead, Op: op, Subject: h.vol.String(), Source: sdk.SourceProvider, RetryAfter: time.Second,
		Text: fmt.Sprintf("%s has been reading it since %s", what, when(r.Since)), Hint: "try again when that has ended, or end it",
	}
}
