package vault

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// Whatever metadata say: reading them ends, and what is written into sound ones
// leaves them sound, says what was meant, and keeps what others have written.
func FuzzMeta(f *testing.F) {
	for _, seed := range []string{
		plainMeta, `{"size":20.5}`, `{"size":1,"size":1}`, `{"size":0.1}`, "", "{}", `{"a":{"b":[1,2,{"c":null}]},"size":1e1,"":1}`,
		`{"size":1,"meson":{"version":1,"epoch":7,"format":"raw","attachments":[{"id":"a","kind":"iscsi","writable":true,"epoch":7,"holder":"b","since":"2026-01-01T00:00:00Z"}],"lock":{"holder":"b","since":"2026-01-01T00:00:00Z"},"pending":{"op":"x","id":"y","since":"2026-01-01T00:00:00Z","change":{"a":1}}}}`,
		`{"size":1,"meson":{"version":1,"epoch":0,"parent":"a","snapshots":[{"id":"a","file":"snap-a.img","format":"raw","created_at":"2026-01-01T00:00:00Z","size_bytes":1}]}}`,
		`{"size":1,"mes\u006fn":{"version":1,"epoch":1}}`, `{"siz\u0065":1,"name":"\ud800"}`, strings.Repeat("[", 1000), "\xff", `{"size":1e99999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := parseMeta(data)
		if p.broken != (len(p.faults) > 0) {
			t.Fatalf("broken %v, faults %v", p.broken, p.faults)
		}
		if p.broken {
			return
		}
		if !json.Valid(data) || p.meta.SizeBytes == 0 || p.meta.SizeBytes%Step != 0 || p.state.Epoch > maxEpoch {
			t.Fatalf("taken for sound: %q: %+v", data, p)
		}
		s, err := p.state.clone()
		if err != nil {
			t.Fatal(err)
		}
		m := p.meta
		m.Name = "fuzz"
		if s.Lock = nil; p.state.Lock == nil {
			s.Lock = &Lock{Holder: "b", Since: time.Unix(1, 0).UTC()}
		}
		out, err := encodeMeta(data, m, s)
		if err != nil {
			// A document that is odd enough is refused, never written wrongly.
			return
		}
		again := parseMeta(out)
		if again.broken || again.meta != m || again.found || !same(again.state, s) {
			t.Fatalf("%q became %q", data, out)
		}
		var was, is map[string]json.RawMessage
		if json.Unmarshal(data, &was) != nil || json.Unmarshal(out, &is) != nil {
			t.Fatalf("%q became %q", data, out)
		}
		for key, value := range was {
			if key != "name" && key != stateKey && string(is[key]) != string(value) {
				t.Fatalf("%q: %s became %s", key, value, is[key])
			}
		}
	})
}

func FuzzSettings(f *testing.F) {
	for _, seed := range []string{`{"max-volumes":10,"max-size":100}`, `{"max-size":0.125}`, `{"max-volumes":-1}`, `{"max-volumes":1e9,"max-volumes":2}`, "[]", "", `{"max-size":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, faults := parseSettings(data)
		if len(faults) > 0 {
			return
		}
		var plain map[string]any
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatalf("%q was taken: %v", data, err)
		}
		for key, got := range map[string]float64{"max-volumes": limit(s.MaxVolumes, 1), "max-size": limit(s.MaxBytes, GiB)} {
			want, there := plain[key].(float64)
			if there != (got >= 0) || there && math.Abs(want-got) > 1e-9 {
				t.Fatalf("%q: %s is %v, want %v", data, key, got, plain[key])
			}
		}
	})
}

// Names of folders come from anybody.
func FuzzFolderName(f *testing.F) {
	for _, seed := range []string{"a.elimg", "vid.a.elimg", ".elimg", "vid..elimg", "a", "\x00.elimg", "a\u202eb.elimg"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id, folder := idOf(name)
		if folder != strings.HasSuffix(name, ".elimg") || !folder && id != "" {
			t.Fatalf("%q: %q, %v", name, id, folder)
		}
		if id != "" && (len(id) > maxIDBytes || !printable(id) || !strings.Contains(name, id)) {
			t.Fatalf("%q: id %q", name, id)
		}
	})
}
