package vault

import (
	"bytes"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// endedName is a file of the attachments that were ended, a line each, which is only
// ever appended to.
const (
	endedName     = "ended"
	maxEndedBytes = 64 << 20
)

// ended reports whether an attachment's id was used before.
func (h *Held) ended(id string) (bool, error) { return endedIn(h.p, h.vol, id) }

// Ended reports whether an attachment of this place of a volume was ended; its id is
// not to be used again in any other place either.
func (v *Vault) Ended(vol *Volume, id string) (bool, error) {
	const op = "look for attachment"
	rel, err := v.rel(vol.Folder)
	if err != nil {
		return false, err
	}
	d, err := v.root.walk(rel)
	if err != nil {
		return false, failed(op, vol.String(), err)
	}
	defer d.close()
	p, err := d.sub(privateName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, failed(op, vol.String(), err)
	}
	defer p.close()
	is, err := endedIn(p, vol, id)
	return is, failed(op, vol.String(), err)
}

func endedIn(p *dir, vol *Volume, id string) (bool, error) {
	data, _, err := p.read(endedName, maxEndedBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(data) > maxEndedBytes-maxText {
		return false, refusal(sdk.Conflict, "begin use", vol.String(), "it has had too many attachments to know their ids", "copy it")
	}
	// A kill may have left a line without its end: the next one begins with one.
	return bytes.Contains(append([]byte("\n"), append(data, '\n')...), []byte("\n"+id+"\n")), nil
}

// noteEnded makes sure that an id is not taken again, on disk.
func (h *Held) noteEnded(id string) error {
	if there, err := h.ended(id); err != nil || there {
		return err
	}
	f, err := h.p.open(endedName, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n" + id + "\n")
	return errors.Join(err, f.Sync(), f.Close(), h.p.sync())
}
