package main

import (
	"encoding/binary"
	"errors"
)

// encoder writes XDR (RFC 4506).
type encoder []byte

func (e *encoder) words(all ...uint32) {
	for _, w := range all {
		*e = binary.BigEndian.AppendUint32(*e, w)
	}
}

func (e *encoder) long(n uint64) { *e = binary.BigEndian.AppendUint64(*e, n) }

// fixed are bytes whose number the reader knows: a multiple of four.
func (e *encoder) fixed(b []byte) { *e = append(*e, b...) }

func (e *encoder) opaque(b []byte) {
	e.words(uint32(len(b)))
	e.fixed(b)
	for range -len(b) & 3 {
		*e = append(*e, 0)
	}
}

func (e *encoder) text(s string) { e.opaque([]byte(s)) }

// decoder reads XDR. Behind its end there are zeros, and err is set.
type decoder struct {
	rest []byte
	err  error
}

var errShort = errors.New("the answer ends too early")

func (d *decoder) fixed(n uint32) []byte {
	if uint64(n) > uint64(len(d.rest)) {
		d.rest, d.err = nil, errShort
		return nil
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) word() uint32 {
	if b := d.fixed(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) skip(words int) {
	for range words {
		d.word()
	}
}

func (d *decoder) opaque() []byte {
	n := d.word()
	out := d.fixed(n)
	d.fixed(-n & 3)
	return out
}
