package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Format is how the bytes of an image are laid out. It is what Meson's part of the
// metadata says, and never what the image says: who writes a raw volume can write
// the header of a qcow2 into it, and whoever then believed the header would open
// whatever file it names (CVE-2026-24708, CVE-2024-32498).
//
// A volume that was found, without Meson's part, may have been in a guest's hands
// as well. Its format is found when it is first used, once, under its lock, and
// recorded from then on:
//
//   - raw, if it does not begin like a qcow2 or another known kind of image, and is
//     exactly as long as its metadata say;
//   - qcow2, if it begins like one, is not exactly as long as a raw one would be,
//     has exactly the size that its metadata say, names no backing file and no
//     external data file, has no feature that is not known here, is not encrypted
//     and not marked corrupt. Nothing outside of itself is reachable by such a
//     header, whoever wrote it, and a guest cannot change a raw volume's length;
//   - anything else is refused, until a person who knows it records it.
type Format string

// The formats that a vault holds.
const (
	Raw   Format = "raw"
	QCOW2 Format = "qcow2"
)

// The names inside a volume's folder.
const (
	metaName    = "meta.json"
	oldMetaName = "volumefile"
	imageName   = "data.img"
	dirName     = "data"
	privateName = ".meson"
	lockName    = "lock"
)

// GiB is what one GB of metadata and of settings.json means; sizes are multiples
// of Step.
const (
	GiB  = 1 << 30
	Step = GiB / 8
)

// format is the recorded format, or the one to record; empty for a directory.
func (h *Held) format(op string) (Format, error) {
	if h.vol.Directory || h.vol.State.Format != "" {
		return h.vol.State.Format, nil
	}
	f, st, err := h.d.regular(h.vol.DataFile)
	if err != nil {
		return "", err
	}
	defer f.Close()
	format, why := tellFormat(f, st, h.vol.Meta.SizeBytes)
	if why != "" {
		return "", refusal(sdk.Conflict, op, h.vol.String(), h.vol.DataFile+" "+why,
			`if you know its format, record it: "meson": {"version": 1, "epoch": 0, "format": "raw"} in `+h.vol.metaFile)
	}
	return format, nil
}

// tellFormat is the rule of Format; why says why there is none.
func tellFormat(f io.ReaderAt, st unix.Stat_t, size uint64) (format Format, why string) {
	head := make([]byte, 112)
	n, err := f.ReadAt(head, 0)
	if err != nil && n == 0 && st.Size != 0 {
		return "", "cannot be read: " + cause(err).Error()
	}
	head = head[:n]
	length := uint64(st.Size)
	for magic, kind := range map[string]string{
		"KDMV": "VMDK", "COWD": "VMDK", "# Disk DescriptorFile": "VMDK", "vhdxfile": "VHDX", "conectix": "VHD", "<<< ": "VDI", "QED\x00": "QED",
		"WithoutFreeSpace": "Parallels", "WithouFreSpacExt": "Parallels",
	} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return "", "begins like a " + kind + " image: want raw or qcow2"
		}
	}
	if !bytes.HasPrefix(head, []byte("QFI\xfb")) {
		if length != size {
			return "", fmt.Sprintf("has %d bytes, the metadata say %d: it is no whole raw image", length, size)
		}
		return Raw, ""
	}
	if length == size {
		return "", "begins like a qcow2 and is as long as a raw image: a guest may have written that"
	}
	if why := refuseQCOW2(head, size); why != "" {
		return "", "begins like a qcow2 " + why
	}
	return QCOW2, ""
}

// refuseQCOW2 reads the header that docs/interop/qcow2.txt of QEMU describes.
func refuseQCOW2(head []byte, size uint64) string {
	if len(head) < 72 {
		return "and ends in its header"
	}
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(head[at:]) }
	u64 := func(at int) uint64 { return binary.BigEndian.Uint64(head[at:]) }
	version := u32(4)
	switch {
	case version != 2 && version != 3:
		return fmt.Sprintf("of version %d: want 2 or 3", version)
	case u64(8) != 0 || u32(16) != 0:
		return "with a backing file"
	case u64(24) != size:
		return fmt.Sprintf("of %d bytes, the metadata say %d", u64(24), size)
	case u32(32) != 0:
		return "that is encrypted"
	case version == 3 && len(head) < 104:
		return "and ends in its header"
	case version == 2:
		return ""
	}
	const dirty, corrupt, dataFile, compression, extendedL2 = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4
	switch features := u64(72); {
	case features&dataFile != 0:
		return "with an external data file"
	case features&corrupt != 0:
		return "that is marked corrupt"
	case features&^(dirty|compression|extendedL2) != 0:
		return fmt.Sprintf("with unknown features %#x", features)
	}
	return ""
}
