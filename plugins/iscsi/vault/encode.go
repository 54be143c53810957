package vault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/tidwall/sjson"

	"github.com/mesoncloud/meson/sdk"
)

// encodeMeta is old with what has changed in it; everything else in old stays byte
// for byte. Without an old one it is a new document. What cannot be written so that
// it is read as it was meant is an error.
func encodeMeta(old []byte, m Meta, s State) ([]byte, error) {
	was := parsed{found: true}
	fresh := len(old) == 0
	if !fresh {
		was = parseMeta(old)
	}
	if err := m.check(was.meta); err != nil {
		return nil, err
	}
	s.Version = stateVersion
	if err := s.check(); err != nil {
		return nil, sdk.Errorf(sdk.Invalid, "%w", err)
	}
	data := old
	if fresh {
		data = []byte("{}")
	}
	state, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(m.Name)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		key     string
		changed bool
		raw     string
	}{
		{"size", m.SizeBytes != was.meta.SizeBytes, gb(m.SizeBytes)},
		{"name", m.Name != was.meta.Name, string(name)},
		{"bootable", m.Bootable != was.meta.Bootable, strconv.FormatBool(m.Bootable)},
		{"private", m.Private != was.meta.Private, strconv.FormatBool(m.Private)},
		{"shareable", m.Shareable != was.meta.Shareable, strconv.FormatBool(m.Shareable)},
		{"readonly", m.ReadOnly != was.meta.ReadOnly, strconv.FormatBool(m.ReadOnly)},
		{stateKey, true, string(state)},
	} {
		if !f.changed && !fresh {
			continue
		}
		if data, err = sjson.SetRawBytes(data, f.key, []byte(f.raw)); err != nil {
			return nil, err
		}
	}
	if fresh {
		var indented bytes.Buffer
		if err := json.Indent(&indented, data, "", "  "); err != nil {
			return nil, err
		}
		data = append(indented.Bytes(), '\n')
	}
	return data, reread(data, m, s)
}

// reread makes sure that what is about to be written is read as it was meant.
func reread(data []byte, m Meta, s State) error {
	if len(data) > maxMetaBytes {
		return sdk.Errorf(sdk.Invalid, "the metadata would have %d bytes: want at most %d", len(data), maxMetaBytes)
	}
	again := parseMeta(data)
	if again.broken {
		return sdk.Errorf(sdk.Invalid, "%s", again.faults[0].Text)
	}
	have, err := json.Marshal(again.state)
	if err != nil {
		return err
	}
	want, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if again.meta != m || !bytes.Equal(have, want) {
		return sdk.Errorf(sdk.Internal, "metadata that were written would be read differently")
	}
	return nil
}

// check says what is wrong with metadata that are about to be written; a name that
// somebody else gave stays as it is.
func (m Meta) check(was Meta) error {
	var faults []sdk.Fault
	if m.SizeBytes == 0 || m.SizeBytes%Step != 0 || m.SizeBytes > maxGB*GiB {
		faults = append(faults, sdk.Fault{
			Path: "size_bytes", Have: fmt.Sprint(m.SizeBytes),
			Want: fmt.Sprintf("a multiple of %d (0.125 GB), at most %d", Step, uint64(maxGB*GiB)),
		})
	}
	if m.Shareable && m.Bootable {
		faults = append(faults, sdk.Fault{Path: "bootable", Have: "true, and shareable", Want: "one of them"})
	}
	if m.Name != was.Name && (len(m.Name) > maxNameText || !printable(m.Name)) {
		faults = append(faults, sdk.Fault{Path: "name", Have: short(m.Name), Want: fmt.Sprintf("printable text of at most %d bytes", maxNameText)})
	}
	return sdk.InvalidFaults("write metadata", faults)
}

// gb is bytes in GB, as metadata have them.
func gb(bytes uint64) string { return strconv.FormatFloat(float64(bytes)/GiB, 'f', -1, 64) }
