package seed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// The layout: sixteen unused sectors, the primary volume descriptor, the
// terminator, two path tables, the root directory, the files.
const (
	sector       = 2048
	descriptorAt = 16
	pathTableLE  = 18
	pathTableBE  = 19
	rootAt       = 20
	filesAt      = 21
	maxFileBytes = 16 << 20
)

type file struct {
	name string
	data []byte
}

// volume is an ISO 9660 image with these files in its root directory. Names are
// in lower case with a version of 1, as Linux and cloud-init have long read
// them from seeds without Rock Ridge or Joliet. Dates are absent, so that the
// bytes depend on the files alone.
func volume(id string, files []file) ([]byte, error) {
	at := uint32(filesAt)
	root := directory{}
	root.add([]byte{0}, rootAt, sector, true)
	root.add([]byte{1}, rootAt, sector, true)
	var body bytes.Buffer
	for _, f := range files {
		if len(f.data) > maxFileBytes {
			return nil, fmt.Errorf("%s has %d bytes: want at most %d", f.name, len(f.data), maxFileBytes)
		}
		size := uint32(len(f.data))
		root.add([]byte(f.name+";1"), at, size, false)
		sectors := (size + sector - 1) / sector
		body.Write(f.data)
		body.Write(make([]byte, sectors*sector-size))
		at += sectors
	}
	if root.Len() > sector {
		return nil, fmt.Errorf("%d files do not fit in one directory sector", len(files))
	}

	image := make([]byte, filesAt*sector, filesAt*sector+body.Len())
	put := func(at int, b []byte) { copy(image[at*sector:], b) }
	put(descriptorAt, descriptor(id, at))
	put(descriptorAt+1, []byte("\xffCD001\x01"))
	put(pathTableLE, pathTable(binary.LittleEndian))
	put(pathTableBE, pathTable(binary.BigEndian))
	put(rootAt, root.Bytes())
	return append(image, body.Bytes()...), nil
}

// directory is the records of one directory.
type directory struct{ bytes.Buffer }

func (d *directory) add(id []byte, at, size uint32, dir bool) {
	d.Write(record(id, at, size, dir))
}

func record(id []byte, at, size uint32, dir bool) []byte {
	n := 33 + len(id)
	n += n % 2
	r := make([]byte, n)
	r[0] = byte(n)
	both32(r[2:], at)
	both32(r[10:], size)
	if dir {
		r[25] = 2
	}
	both16(r[28:], 1)
	r[32] = byte(len(id))
	copy(r[33:], id)
	return r
}

func descriptor(id string, sectors uint32) []byte {
	d := make([]byte, sector)
	copy(d, "\x01CD001\x01")
	text := func(from, to int, s string) { copy(d[from:to], s+strings.Repeat(" ", to-from)) }
	text(8, 40, "LINUX")
	text(40, 72, id)
	both32(d[80:], sectors)
	both16(d[120:], 1)
	both16(d[124:], 1)
	both16(d[128:], sector)
	both32(d[132:], uint32(len(pathTable(binary.LittleEndian))))
	binary.LittleEndian.PutUint32(d[140:], pathTableLE)
	binary.BigEndian.PutUint32(d[148:], pathTableBE)
	copy(d[156:190], record([]byte{0}, rootAt, sector, true))
	text(190, 813, "")
	for _, date := range []int{813, 830, 847, 864} {
		copy(d[date:], strings.Repeat("0", 16))
	}
	d[881] = 1
	return d
}

// pathTable has one entry, the root.
func pathTable(order binary.AppendByteOrder) []byte {
	t := []byte{1, 0}
	t = order.AppendUint32(t, rootAt)
	t = order.AppendUint16(t, 1)
	return append(t, 0, 0)
}

func both32(b []byte, v uint32) {
	binary.LittleEndian.PutUint32(b, v)
	binary.BigEndian.PutUint32(b[4:], v)
}

func both16(b []byte, v uint16) {
	binary.LittleEndian.PutUint16(b, v)
	binary.BigEndian.PutUint16(b[2:], v)
}
