package spec_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

const page = "../../docs/spec.md"

// Every key of every encoding is told of on the page, by its path.
func TestDocsNameEveryKey(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(spec.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for encoding, form := range schema.Defs {
		keys(form, "", func(path string) {
			seen++
			if !bytes.Contains(text, []byte("`"+path+"`")) {
				t.Errorf("%s does not tell of `%s`, a key of the %s encoding", page, path, encoding)
			}
		})
	}
	if seen < 100 {
		t.Errorf("only %d keys in the schema", seen)
	}
}

// keys visits the paths of all properties, those of list entries as "list[].key".
func keys(schema any, path string, visit func(path string)) {
	s, ok := schema.(map[string]any)
	if !ok {
		return
	}
	if properties, ok := s["properties"].(map[string]any); ok {
		for key, inner := range properties {
			if _, refused := inner.(bool); refused {
				continue
			}
			visit(strings.TrimPrefix(path+"."+key, "."))
			keys(inner, strings.TrimPrefix(path+"."+key, "."), visit)
		}
	}
	keys(s["items"], path+"[]", visit)
	if forms, ok := s["anyOf"].([]any); ok {
		for _, form := range forms {
			keys(form, path, visit)
		}
	}
}

// The mistakes on the page are reported as it shows.
func TestDocsMistakes(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "$ cat bad.json\n")
	file, shown, ok2 := strings.Cut(rest, "$ meson check bad.json\n")
	if !ok || !ok2 {
		t.Fatalf("%s: the example of mistakes is gone", page)
	}
	shown, _, _ = strings.Cut(shown, "```")
	_, err = spec.Parse([]byte(file), spec.Options{Name: "bad.json"})
	e, ok := err.(*core.Error)
	if !ok {
		t.Fatalf("the example of mistakes: error %v", err)
	}
	if lines := strings.Count(shown, "\n"); lines != len(e.Faults)+1 {
		t.Errorf("%s shows %d lines, there are %d faults", page, lines, len(e.Faults))
	}
	for _, f := range e.Faults {
		if !strings.Contains(shown, f.String()+"\n") {
			t.Errorf("%s does not show: %s", page, f)
		}
	}
}

// The example of one machine in several encodings is one machine.
func TestDocsExamplesAreOneMachine(t *testing.T) {
	files, err := filepath.Glob("../../examples/specs/web*")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	var first []byte
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := spec.Parse(data, spec.Options{Name: file})
		if err != nil {
			t.Fatal(err)
		}
		now := spec.Encode(p)
		if first == nil {
			first = now
		}
		if !bytes.Equal(first, now) {
			t.Errorf("%s means another machine than %s", file, files[0])
		}
	}
}
