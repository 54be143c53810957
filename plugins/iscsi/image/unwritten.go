package image

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/mesoncloud/meson/sdk"
)

// Unwritten reports whether the active file is an overlay in which nothing is: the
// volume then holds what its Layout.Parent does, and zeros behind that. The volume's
// lock must be held. False too where it is not sure, as while somebody has the file
// open for writing.
func (e *Engine) Unwritten(v Volume) (bool, error) {
	parent, ok := v.Layout.Layer(v.Layout.Parent)
	if !ok || v.Layout.Format != QCOW2 || v.Layout.SizeBytes < parent.SizeBytes {
		return false, nil
	}
	use, err := InUse(v.active())
	if err != nil || use.Writing {
		return false, err
	}
	empty, err := noTables(v.active(), parent.File())
	return empty, failed("look at volume", v.Dir, err)
}

// noTables reports whether a qcow2 file stands on another and has no table of
// clusters, so that every byte is read from that one. QEMU writes a table before
// whatever it finds by it, zeros and what was discarded included.
func noTables(path, backing string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	h, err := parseHeader(b[:n])
	if err == nil {
		err = h.own(backing)
	}
	if err != nil {
		return false, &sdk.Error{Kind: sdk.Invalid, Op: "look at volume", Subject: path, Source: sdk.SourceProvider, Err: err}
	}
	if h.snapshots != 0 || h.incompatible&bitDirty != 0 {
		return false, nil
	}
	l1 := io.NewSectionReader(f, int64(binary.BigEndian.Uint64(b[40:])), 8*int64(h.l1Entries))
	for left := l1.Size(); left > 0; left -= int64(n) {
		if n, err = io.ReadFull(l1, b[:min(left, int64(len(b)))]); err != nil {
			return false, err
		}
		for _, x := range b[:n] {
			if x != 0 {
				return false, nil
			}
		}
	}
	return true, nil
}
