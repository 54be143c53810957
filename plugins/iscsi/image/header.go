package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mesoncloud/meson/sdk"
)

// header is what of a qcow2 file's header matters here. See docs/interop/qcow2.txt
// of QEMU.
type header struct {
	version       uint32
	clusterBits   uint32
	sizeBytes     uint64
	backing       string
	backingFormat string
	incompatible  uint64
	encryption    uint32
	snapshots     uint32
	l1Entries     uint32
	dataFile      bool
}

// Bits of header.incompatible that QEMU defines and that may be set here. The
// others are: 0 not closed, 1 corrupt, 2 data file.
const (
	bitDirty, bitCorrupt, bitDataFile = 1 << 0, 1 << 1, 1 << 2
	bitCompression, bitExtendedL2     = 1 << 3, 1 << 4
)

// readHeader reads the header of a qcow2 file.
func readHeader(path string) (header, error) {
	f, err := os.Open(path)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return header{}, err
	}
	return parseHeader(b[:n])
}

// parseHeader reads a header from the beginning of a file, which must have all
// of it.
func parseHeader(b []byte) (header, error) {
	var h header
	if len(b) < 72 || !bytes.Equal(b[:4], []byte("QFI\xfb")) {
		return h, errors.New("this is no qcow2 image")
	}
	be := binary.BigEndian
	h.version = be.Uint32(b[4:])
	backingAt, backingLen := be.Uint64(b[8:]), be.Uint32(b[16:])
	h.clusterBits, h.sizeBytes = be.Uint32(b[20:]), be.Uint64(b[24:])
	h.encryption, h.l1Entries = be.Uint32(b[32:]), be.Uint32(b[36:])
	h.snapshots = be.Uint32(b[60:])
	length := uint64(72)
	switch h.version {
	case 2:
	case 3:
		if len(b) < 104 {
			return h, errors.New("the qcow2 header is cut off")
		}
		h.incompatible = be.Uint64(b[72:])
		length = uint64(be.Uint32(b[100:]))
		if length < 104 || length > uint64(len(b)) {
			return h, fmt.Errorf("the qcow2 header says that it is %d bytes long", length)
		}
	default:
		return h, fmt.Errorf("qcow2 version %d is not known", h.version)
	}
	if h.clusterBits < 9 || h.clusterBits > 21 {
		return h, fmt.Errorf("qcow2 clusters of 2^%d bytes are not known", h.clusterBits)
	}
	if backingAt != 0 {
		if backingLen > 1023 || backingAt > uint64(len(b)) || backingAt+uint64(backingLen) > uint64(len(b)) {
			return h, errors.New("the qcow2 header names a backing file outside itself")
		}
		h.backing = string(b[backingAt : backingAt+uint64(backingLen)])
		if h.backing == "" {
			return h, errors.New("the qcow2 header names a backing file without a name")
		}
	}
	return h, h.extensions(b, length, backingAt)
}

func (h *header) extensions(b []byte, at, end uint64) error {
	be := binary.BigEndian
	if end == 0 {
		end = min(uint64(len(b)), 1<<h.clusterBits)
	}
	for at+8 <= end {
		kind, n := be.Uint32(b[at:]), uint64(be.Uint32(b[at+4:]))
		at += 8
		if kind == 0 {
			return nil
		}
		if at+n > end {
			return errors.New("a qcow2 header extension is longer than the header")
		}
		switch kind {
		case 0xe2792aca:
			h.backingFormat = string(b[at : at+n])
		case 0x44415441:
			h.dataFile = true
		}
		at += (n + 7) &^ 7
	}
	return nil
}

// foreign says everything for which an image of somebody else's is refused.
func (h header) foreign(maxBytes uint64) []sdk.Fault {
	var out []sdk.Fault
	refuse := func(format string, args ...any) {
		out = append(out, sdk.Fault{Path: "image", Text: fmt.Sprintf(format, args...)})
	}
	if h.backing != "" {
		refuse("stands on another file, %q; flatten it first: qemu-img convert", shorten(h.backing))
	}
	if h.dataFile || h.incompatible&bitDataFile != 0 {
		refuse("keeps its data in another file; convert it first: qemu-img convert")
	}
	if h.encryption != 0 {
		refuse("is encrypted")
	}
	if h.snapshots != 0 {
		refuse("has %d snapshots inside; convert it first: qemu-img convert", h.snapshots)
	}
	if h.incompatible&bitDirty != 0 {
		refuse("was not closed; repair it first: qemu-img check -r all")
	}
	if h.incompatible&bitCorrupt != 0 {
		refuse("is marked as corrupt")
	}
	if rest := h.incompatible &^ (bitDirty | bitCorrupt | bitDataFile | bitCompression | bitExtendedL2); rest != 0 {
		refuse("needs features that are not known: %#x", rest)
	}
	if h.sizeBytes == 0 || h.sizeBytes > maxBytes {
		refuse("has a size of %d bytes; at most %d can be", h.sizeBytes, maxBytes)
	}
	return out
}

// own says how a file differs from the layer that it is recorded as: overlays are
// written by nobody but QEMU, but a folder may have been put here.
func (h header) own(parent string) error {
	switch {
	case h.dataFile || h.incompatible&bitDataFile != 0:
		return errors.New("keeps its data in another file")
	case h.encryption != 0:
		return errors.New("is encrypted")
	case h.incompatible&bitCorrupt != 0:
		return errors.New("is marked as corrupt")
	case h.backing != parent && h.backing == "":
		return fmt.Errorf("stands alone, and is recorded to stand on %s", parent)
	case h.backing != parent:
		return fmt.Errorf("stands on %q, and is recorded to stand on %q", shorten(h.backing), parent)
	}
	return nil
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
