package chain

import (
	"encoding/binary"
	"strings"
	"testing"
)

// extension is one of a header.
type extension struct {
	kind uint32
	data string
}

// image is the beginning of an image of qcow2 with 64 KiB clusters, as qemu-img
// lays it out.
func image(version uint32, incompatible uint64, backing string, all ...extension) []byte {
	b := make([]byte, 112, 1<<16)
	be := binary.BigEndian
	copy(b, "QFI\xfb")
	be.PutUint32(b[4:], version)
	be.PutUint32(b[20:], 16)
	be.PutUint64(b[24:], 1<<20)
	be.PutUint64(b[72:], incompatible)
	be.PutUint32(b[100:], 112)
	if version == 2 {
		b = b[:72]
	}
	for _, x := range all {
		b = be.AppendUint32(be.AppendUint32(b, x.kind), uint32(len(x.data)))
		b = append(b, x.data...)
		b = append(b, make([]byte, -len(x.data)&7)...)
	}
	b = append(b, make([]byte, 8)...)
	if backing != "" {
		be.PutUint64(b[8:], uint64(len(b)))
		be.PutUint32(b[16:], uint32(len(backing)))
		b = append(b, backing...)
	}
	return append(b, make([]byte, max(1<<16-len(b), 0))...)
}

// on is an image that stands on a file of a format.
func on(name, format string) []byte {
	return image(3, 0, name, extension{extBackingFormat, format})
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want header
	}{
		"alone":           {image(3, 0, ""), header{}},
		"old":             {image(2, 1<<2, "a", extension{extBackingFormat, "raw"}), header{backing: "a", backingFormat: "raw"}},
		"on another":      {on("snap-1.img", "qcow2"), header{backing: "snap-1.img", backingFormat: "qcow2"}},
		"after others":    {image(3, 1<<4, "b", extension{0x6803f857, strings.Repeat("x", 97)}, extension{extBackingFormat, "raw"}), header{backing: "b", backingFormat: "raw"}},
		"format not said": {image(3, 0, "b"), header{backing: "b"}},
		"data elsewhere":  {image(3, bitDataFile, ""), header{dataFile: true}},
		"and named":       {image(3, bitDataFile, "", extension{extDataFile, "/etc/shadow"}), header{dataFile: true}},
		"named alone":     {image(3, 0, "", extension{extDataFile, "/etc/shadow"}), header{dataFile: true}},
	} {
		if have, err := parse(c.b); err != nil || have != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, have, err, c.want)
		}
	}
	put := func(at int, v uint32) []byte {
		b := on("a", "raw")
		binary.BigEndian.PutUint32(b[at:], v)
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"nothing":                  {nil, "no image"},
		"text":                     {[]byte(strings.Repeat("root:x:0:0\n", 50)), "no image"},
		"cut off":                  {on("a", "raw")[:100], "cut off"},
		"version 4":                {put(4, 4), "version 4"},
		"header without end":       {put(100, 1<<20), "bytes long"},
		"header of nothing":        {put(100, 8), "bytes long"},
		"clusters of a byte":       {put(20, 0), "clusters"},
		"name far away":            {put(8, 1), "outside"},
		"name behind the end":      {put(12, 1<<16), "outside"},
		"name too long":            {put(16, 1024), "outside"},
		"no name":                  {put(16, 0), "outside"},
		"extension without an end": {put(116, 1<<31), "longer"},
		"extensions without end":   {image(3, 0, "", extension{1, strings.Repeat("x", 1<<16)})[:1<<16], "longer"},
	} {
		h, err := parse(c.b)
		if (err == nil) == (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v, want %q", name, h, err, c.says)
		}
	}
}

// Whatever is in a file: it is refused, or what is read of it is within it.
func FuzzParse(f *testing.F) {
	f.Add(on("snap-1.img", "qcow2"))
	f.Add(image(3, bitDataFile, "", extension{extDataFile, "/etc/shadow"}))
	f.Add(image(2, 0, "a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parse(b)
		if err != nil {
			return
		}
		if len(h.backing) > maxBackingName || !strings.Contains(string(b), h.backing) || !strings.Contains(string(b), h.backingFormat) {
			t.Errorf("%+v", h)
		}
		if len(b) >= 104 && b[7] == 3 && b[79]&bitDataFile != 0 && !h.dataFile {
			t.Error("its data are elsewhere, and nobody says so")
		}
	})
}
