package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// nasty are texts that encodings get wrong.
func nasty() []string {
	return []string{
		"", "plain", "true", "1e3", "~", "- item", "a: b", "#no", " spaced ", "two\nlines", "<&>", `"quoted"`, `back\slash`,
		"\x1b[2J", "\u009b2J", "\u202egpj", "\x7f", "\u2028", "0x10", "2026-01-02", "\ufeffbom",
	}
}

// TestEncodeKeepsTheMeaning reads both encodings back as the same value, and
// finds nothing in them that a terminal could act on.
func TestEncodeKeepsTheMeaning(t *testing.T) {
	want := map[string][]string{"texts": nasty(), "none": {}}
	for _, format := range []Format{JSON, YAML} {
		var buf bytes.Buffer
		if err := Encode(&buf, format, want); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if needsEscape(strings.ReplaceAll(buf.String(), "\n", "")) {
			t.Errorf("%s has raw control characters:\n%q", format, buf.String())
		}
		var got map[string][]string
		read := json.Unmarshal
		if format == YAML {
			read = yaml.Unmarshal
		}
		if err := read(buf.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v\n%s", format, err, buf.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s changes the value (-want +got):\n%s\n%s", format, diff, buf.String())
		}
	}
}

func FuzzEncodeYAML(f *testing.F) {
	for _, s := range nasty() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		var buf bytes.Buffer
		if err := Encode(&buf, YAML, []string{s}); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		var got []string
		if err := yaml.Unmarshal(buf.Bytes(), &got); err != nil || len(got) != 1 || got[0] != s {
			t.Errorf("%q comes back as %q, %v\n%s", s, got, err, buf.String())
		}
	})
}
