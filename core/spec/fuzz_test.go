package spec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

// FuzzParse holds that nothing panics, that what is refused says why, and that
// what is taken is so by the schema and comes back from its printed form, secrets excepted.
func FuzzParse(f *testing.F) {
	for _, file := range append(good(f), files(f, "testdata/bad/*.json", "testdata/bad/*.yaml")...) {
		f.Add(load(f, file))
	}
	for _, text := range []string{
		"%YAML 1.2\n%TAG !e! tag:example.com,2000:\n---\nslots: !e!x 2\n...\n# end\n", "user_data: |2-\n   a\n\n  b\nname: >+\n  c\n",
		"? slots\n: 2\n? [a, b]\n: {c: d}\n", "a: &a\n  - *a\n<<: *a\n", "'slots': \"2\\x41\\u263a\"\n", "- - - 1\n -\n", "{a: [b, {c: d,},], ? e : f}",
	} {
		f.Add([]byte(text))
	}
	schema := compiled(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := spec.Parse(data, spec.Options{})
		if err != nil {
			refused(t, err)
			return
		}
		if doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data)); err == nil {
			if err := schema.Validate(doc); err != nil {
				t.Fatalf("the schema refuses what Parse takes: %v", err)
			}
		}
		p.Login.Password, p.UserData = core.Secret{}, core.Secret{}
		again, err := spec.Parse(spec.Encode(p), spec.Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, spec.Encode(p))
		}
		if diff := cmp.Diff(p, again, equalSecrets()); diff != "" {
			t.Fatalf("(-first +again):\n%s", diff)
		}
	})
}

// FuzzParseVolumes holds the same of volumes files.
func FuzzParseVolumes(f *testing.F) {
	f.Add(load(f, examples+"volumes.json"))
	f.Add(load(f, "testdata/bad/volumes.json"))
	f.Add([]byte("- vid: a\n- {name: b, size_gib: 0.125}\n"))
	f.Add([]byte("- {name: b, size_gib: 1, private: true, format: raw}\n- {name: c, size_gib: 1, format: vmdk}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		volumes, err := spec.ParseVolumes(data, spec.Options{})
		if err != nil {
			refused(t, err)
			return
		}
		p, err := spec.Parse([]byte("{}"), spec.Options{Volumes: volumes})
		if err != nil {
			t.Fatal(err)
		}
		again, err := spec.Parse(spec.Encode(p), spec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(volumes, again.Volumes); diff != "" {
			t.Fatalf("(-first +again):\n%s", diff)
		}
	})
}

// FuzzSets holds that no override panics and that one that is taken leaves a
// pledge within the bounds.
func FuzzSets(f *testing.F) {
	for _, set := range []string{"slots=4", "pci=10de:1bb1:2", "archs=a,b", "misc.os_family=linux", "authentication.ssh-key=x", "volumes=a,b", "a"} {
		f.Add(set)
	}
	f.Fuzz(func(t *testing.T, set string) {
		p, err := spec.Parse([]byte("{}"), spec.Options{Sets: []string{set}})
		if err != nil {
			refused(t, err)
			return
		}
		if _, err := spec.Parse(spec.Encode(p), spec.Options{}); err != nil {
			t.Fatalf("%v\n%s", err, spec.Encode(p))
		}
	})
}

func refused(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Kind != core.Invalid || len(e.Faults) == 0 || len(e.Faults) > 200 {
		t.Fatalf("error is %#v, want a *core.Error with some faults", err)
	}
	for _, fault := range e.Faults {
		if fault.Text == "" || len(fault.Text) > 4096 {
			t.Fatalf("fault %+v says nothing, or too much", fault)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, file := range []string{"web.json", "web.yaml", "web.gui.json"} {
		data := load(b, examples+file)
		b.Run(file, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := spec.Parse(data, spec.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
