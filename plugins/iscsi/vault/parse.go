package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/mesoncloud/meson/sdk"
)

// The bounds of what is read.
const (
	maxMetaBytes = 1 << 20
	maxNesting   = 64
	// maxGB is 16 PiB.
	maxGB = 1 << 24
	// stateKey is the one key of the metadata that is Meson's.
	stateKey = "meson"
)

// parsed is what metadata say.
type parsed struct {
	meta  Meta
	state State
	// found is whether they have no part of Meson's.
	found  bool
	faults []Fault
	// broken is whether they cannot be written, because what they mean is not known.
	broken bool
}

func (p *parsed) fault(unreadable bool, format string, args ...any) {
	p.faults = append(p.faults, Fault{Text: fmt.Sprintf(format, args...), Unreadable: unreadable})
	p.broken = true
}

// parseMeta reads metadata. It never fails: what is wrong is in the faults.
func parseMeta(data []byte) parsed {
	p := parsed{found: true}
	if err := plainJSON(data); err != nil {
		p.fault(true, "the metadata are not JSON: %v", err)
		return p
	}
	whole := gjson.ParseBytes(data)
	if !whole.IsObject() {
		p.fault(true, "the metadata are no JSON object")
		return p
	}
	seen := map[string]bool{}
	whole.ForEach(func(key, value gjson.Result) bool {
		p.field(key.String(), value, seen)
		return true
	})
	if !seen["size"] {
		p.fault(true, `the metadata have no "size": want it in GB, a multiple of 0.125`)
	}
	if p.meta.Shareable && p.meta.Bootable {
		p.fault(false, "it is shareable and bootable: want one of them")
	}
	return p
}

// plainJSON is nil for valid JSON of reasonable depth. The depth is counted first,
// because parsers recurse.
func plainJSON(data []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return fmt.Errorf("nested more than %d deep", maxNesting)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !utf8.Valid(data) {
		return errors.New("no valid UTF-8")
	}
	var any json.RawMessage
	return json.Unmarshal(data, &any)
}

func (p *parsed) field(key string, value gjson.Result, seen map[string]bool) {
	known := true
	switch key {
	case "size":
		p.size(value.Raw)
	case "name":
		if p.meta.Name = value.String(); value.Type != gjson.String || len(p.meta.Name) > maxNameText {
			p.fault(false, `"name" is %s: want a text of at most %d bytes`, short(value.Raw), maxNameText)
		}
	case "bootable":
		p.flag(key, value, &p.meta.Bootable)
	case "private":
		p.flag(key, value, &p.meta.Private)
	case "shareable":
		p.flag(key, value, &p.meta.Shareable)
	case "readonly":
		p.flag(key, value, &p.meta.ReadOnly)
	case stateKey:
		p.found = false
		if err := parseState(value.Raw, &p.state); err != nil {
			p.fault(true, `"meson": %v`, err)
			p.state = State{}
		}
	default:
		known = false
	}
	if known && seen[key] {
		p.fault(true, "the metadata have %q twice", key)
	}
	seen[key] = true
}

// size reads GB. Multiples of 0.125 are exact in a float64 up to far beyond maxGB.
func (p *parsed) size(raw string) {
	gb, err := strconv.ParseFloat(raw, 64)
	if err != nil || gb <= 0 || gb > maxGB || len(raw) > 64 {
		p.fault(true, `"size" is %s: want GB, a multiple of 0.125, at most %d`, short(raw), maxGB)
		return
	}
	p.meta.SizeBytes = uint64(math.Ceil(gb * GiB))
	if p.meta.SizeBytes%Step != 0 || float64(p.meta.SizeBytes) != gb*GiB {
		p.fault(false, `"size" is %s: want a multiple of 0.125`, short(raw))
	}
}

func (p *parsed) flag(key string, value gjson.Result, to *bool) {
	if !value.IsBool() {
		p.fault(true, "%q is %s: want true or false", key, short(value.Raw))
	}
	*to = value.Bool()
}

// parseState reads Meson's part strictly: a field that is not known means a writer
// that knows more, whose word would be lost.
func parseState(raw string, s *State) error {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal([]byte(raw), &version); err != nil {
		return err
	}
	if version.Version != stateVersion {
		return fmt.Errorf("version %d: this program knows %d", version.Version, stateVersion)
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return s.check()
}

// short is a value for a message.
func short(raw string) string { return sdk.CleanText(raw, 48) }
