package spec_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tailscale/hujson"
	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/core/spec"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("spec.json", doc); err != nil {
		t.Fatal(err)
	}
	// Compile also holds the schema against the meta-schema of its draft.
	s, err := c.Compile("spec.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plainJSON is a file as the validator wants it, whatever its syntax.
func plainJSON(t *testing.T, file string) any {
	t.Helper()
	data := load(t, file)
	switch filepath.Ext(file) {
	case ".yaml":
		var doc any
		if err := yaml.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		var err error
		if data, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
	case ".jsonc":
		var err error
		if data, err = hujson.Standardize(data); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestSchemaTakesGoodSpecs leaves out the YAML file whose scalars only Parse can
// know to be texts.
func TestSchemaTakesGoodSpecs(t *testing.T) {
	s := compiled(t)
	for _, file := range append(good(t), files(t, "testdata/pledges/*")...) {
		if filepath.Base(file) == "strings.yaml" {
			continue
		}
		if err := s.Validate(plainJSON(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaRefusesBadSpecs(t *testing.T) {
	s := compiled(t)
	for _, name := range []string{"example_template", "unknown_keys", "types", "mixed", "volumes", "login", "volumes_file"} {
		if s.Validate(plainJSON(t, "testdata/bad/"+name+".json")) == nil {
			t.Errorf("%s.json passes", name)
		}
	}
}

// TestSchemaAndParseAgree sets one key of a good spec at a time.
func TestSchemaAndParseAgree(t *testing.T) {
	s := compiled(t)
	for _, text := range []string{
		`{"slots": 0}`, `{"slots": 257}`, `{"slots": 1.5}`, `{"slots": "1"}`, `{"slots": null}`,
		`{"overprovision": 0}`, `{"overprovision": 11}`, `{"allowSMT": 1}`, `{"min_frequency": 5.001}`, `{"min_frequency": -1}`,
		`{"min_frequency": 2.0001}`, `{"ramsize": 15}`, `{"ramsize": 67108865}`, `{"archs": ""}`, `{"archs": {}}`, `{"archs": [1]}`,
		`{"flags": "avx"}`, `{"flags": [""]}`, `{"misc": {"family": "linux"}}`, `{"misc": []}`, `{"name": "A"}`, `{"name": ""}`,
		`{"pci": [{"vendor": "10de"}]}`, `{"pci": {"devices": []}}`, `{"pci": {"devices": {"10de": 1}}}`, `{"pci": {"devices": {"10de:1bb1": 65}}}`,
		`{"vm_name": "x", "ramsize": 0.001}`, `{"vm_name": "x", "ramsize": 65537}`, `{"vm_name": "x", "pcidevs": 1}`,
		`{"volumes": [{}]}`, `{"volumes": [{"vid": "a", "name": "b"}]}`, `{"volumes": [{"name": "b"}]}`, `{"volumes": [{"name": "b", "size_gib": 0.2}]}`,
		`{"volumes": [{"vid": "a", "format": "raw"}]}`, `{"volumes": [{"vid": "a", "private": true}]}`, `{"volumes": [{"name": "b", "size_gib": 1, "format": 1}]}`,
		`{"networks": [{}]}`, `{"networks": ["a"]}`, `{"authentication": {"username": "0"}}`, `{"authentication": {"password": 1}}`,
		`{"boot_disk_gib": 0}`, `{"boot_disk_gib": 65537}`, `{"firmware": 1}`, `{"user_data": 1}`, `{"vm_name": "x", "flags": []}`,
		`{"cpu": {"slots": 1, "fullPhysical": true}, "ram": {"ramsize": 512}}`, `[]`, `null`, `1`,
	} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		_, wrong := spec.Parse([]byte(text), spec.Options{})
		if wrong == nil {
			t.Errorf("Parse takes %s", text)
		}
		if s.Validate(doc) == nil {
			t.Errorf("the schema takes %s, which Parse refuses: %v", text, wrong)
		}
	}
}
