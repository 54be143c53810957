package chain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// headBytes is how much of an image is read: more than the header of any that a
// tool has made, which is within its first cluster.
const headBytes = 64 << 10

// header is what an image of qcow2 says about other files. See
// docs/interop/qcow2.txt of QEMU.
type header struct {
	// backing is the name of the file that it stands on, empty where it stands
	// alone; backingFormat is empty where it is not said.
	backing, backingFormat string
	// dataFile is true where its data are in another file.
	dataFile bool
}

const (
	extBackingFormat = 0xe2792aca
	extDataFile      = 0x44415441
	bitDataFile      = 1 << 2
	maxBackingName   = 1023
)

// parse reads a header from the beginning of an image. What is not whole within it
// is an error, since QEMU could read on.
func parse(b []byte) (header, error) {
	var h header
	if len(b) < 72 || !bytes.Equal(b[:4], []byte("QFI\xfb")) {
		return h, errors.New("it is no image of qcow2")
	}
	be := binary.BigEndian
	at, n, clusterBits := be.Uint64(b[8:]), uint64(be.Uint32(b[16:])), be.Uint32(b[20:])
	length := uint64(72)
	switch version := be.Uint32(b[4:]); version {
	case 2:
	case 3:
		if len(b) < 104 {
			return h, errors.New("its header is cut off")
		}
		h.dataFile = be.Uint64(b[72:])&bitDataFile != 0
		length = uint64(be.Uint32(b[100:]))
		if length < 104 || length > uint64(len(b)) {
			return h, fmt.Errorf("its header says that it is %d bytes long", length)
		}
	default:
		return h, fmt.Errorf("it is of version %d of qcow2, which is not known", version)
	}
	if clusterBits < 9 || clusterBits > 21 {
		return h, fmt.Errorf("clusters of 2^%d bytes are not known", clusterBits)
	}
	// QEMU reads extensions up to the name, or to the end of the first cluster.
	end := uint64(1) << clusterBits
	if at != 0 {
		if n == 0 || n > maxBackingName || at > uint64(len(b)) || at+n > uint64(len(b)) {
			return h, errors.New("the name of what it stands on is outside of its header")
		}
		h.backing, end = string(b[at:at+n]), at
	}
	return h, h.extensions(b, length, end)
}

// extensions reads those between two places.
func (h *header) extensions(b []byte, at, end uint64) error {
	be := binary.BigEndian
	for at+8 <= end {
		if at+8 > uint64(len(b)) {
			return errors.New("its header extensions have no end")
		}
		kind, n := be.Uint32(b[at:]), uint64(be.Uint32(b[at+4:]))
		at += 8
		if kind == 0 {
			return nil
		}
		if at+n > min(end, uint64(len(b))) {
			return errors.New("an extension of its header is longer than the header")
		}
		switch kind {
		case extBackingFormat:
			h.backingFormat = string(b[at : at+n])
		case extDataFile:
			h.dataFile = true
		}
		at += (n + 7) &^ 7
	}
	return nil
}
