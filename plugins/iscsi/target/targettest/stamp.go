package targettest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// BlockSize is how much one stamp fills.
const BlockSize = 4096

// Stamp is what a written block says of itself.
type Stamp struct {
	// Epoch is the right by which it was written; Seq rises with every write of
	// that epoch, from 1.
	Epoch, Seq uint64
	// Block is where it belongs.
	Block uint64
}

var magic = []byte("meson-history-1\n")

// Bytes is the whole block: any part of it that is another's shows.
func (s Stamp) Bytes() []byte {
	b := make([]byte, BlockSize)
	copy(b, magic)
	binary.LittleEndian.PutUint64(b[16:], s.Epoch)
	binary.LittleEndian.PutUint64(b[24:], s.Seq)
	binary.LittleEndian.PutUint64(b[32:], s.Block)
	fill := uint64(s.Epoch<<48 ^ s.Block<<32 ^ s.Seq)
	for i := 48; i < BlockSize; i += 8 {
		fill = fill*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(b[i:], fill)
	}
	binary.LittleEndian.PutUint32(b[40:], sum(b))
	return b
}

// sum is over all but itself.
func sum(b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:40]), crc32.IEEETable, b[44:])
}

// ParseStamp reads a block: the zero Stamp if nothing was ever written to it, an
// error if it is torn or no stamp at all.
func ParseStamp(b []byte) (Stamp, error) {
	if len(b) != BlockSize {
		return Stamp{}, fmt.Errorf("a block of %d bytes, want %d", len(b), BlockSize)
	}
	if !bytes.HasPrefix(b, magic) {
		if bytes.Count(b, []byte{0}) == BlockSize {
			return Stamp{}, nil
		}
		return Stamp{}, fmt.Errorf("no stamp, but %q…", b[:24])
	}
	if binary.LittleEndian.Uint32(b[40:]) != sum(b) {
		return Stamp{}, fmt.Errorf("torn: its sum is wrong")
	}
	return Stamp{
		Epoch: binary.LittleEndian.Uint64(b[16:]), Seq: binary.LittleEndian.Uint64(b[24:]), Block: binary.LittleEndian.Uint64(b[32:]),
	}, nil
}
