package sdk

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden files anew")

type testConfig struct {
	Region   string            `json:"region" required:"true" help:"Where to look." enum:"eu,us" example:"eu"`
	Currency string            `json:"currency" default:"EUR" pattern:"^[A-Z]{3}$"`
	Timeout  time.Duration     `json:"timeout" default:"30s" min:"1s" max:"5m"`
	Retries  uint8             `json:"retries" default:"3" max:"10"`
	Ratio    float64           `json:"ratio" min:"0" max:"1"`
	Spot     *bool             `json:"spot" help:"Spot machines | or not."`
	Tags     []string          `json:"tags" default:"[\"a\",\"b\"]" max:"3"`
	Labels   map[string]string `json:"labels"`
	Address  netip.Addr        `json:"address" default:"192.0.2.1"`
	Hosts    []testHost        `json:"hosts"`
	Limits   testLimits        `json:"limits"`
	Token    Secret            `json:"token" secret:"true" required:"true"`
	Internal int               `json:"-"`
	_        int
}

type testHost struct {
	URI      string `json:"uri" required:"true"`
	Password Secret `json:"password" secret:"true"`
}

type testLimits struct {
	Low  int `json:"low" default:"1"`
	High int `json:"high" default:"2"`
}

func (l testLimits) Validate() []Fault {
	if l.Low > l.High {
		return []Fault{{Path: "low", Have: fmt.Sprint(l.Low), Want: "at most high"}}
	}
	return nil
}

var goodSecrets = map[string][]byte{"token": []byte("s3cret\r\n"), "hosts[0].password": []byte("pw")}

func TestDecodeConfig(t *testing.T) {
	got, err := DecodeConfig[testConfig]([]byte(`{"region":"eu","timeout":"2s","spot":false,"tags":[],"labels":{"x":"y"},"hosts":[{"uri":"u"}],"limits":{"high":9}}`), goodSecrets)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	want := &testConfig{
		Region: "eu", Currency: "EUR", Timeout: 2 * time.Second, Retries: 3, Spot: &no, Tags: []string{}, Labels: map[string]string{"x": "y"},
		Address: netip.MustParseAddr("192.0.2.1"), Hosts: []testHost{{URI: "u", Password: NewSecret("pw")}},
		Limits: testLimits{Low: 1, High: 9}, Token: NewSecret("s3cret"),
	}
	compare := cmp.Options{cmp.AllowUnexported(testConfig{}, Secret{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}
	if d := cmp.Diff(want, got, compare); d != "" {
		t.Errorf("want -, got +\n%s", d)
	}
}

func TestDecodeConfigFaults(t *testing.T) {
	const required = `"region":"eu"`
	for _, tt := range []struct {
		name, json string
		secrets    map[string][]byte
		want       []string // "path: text"
	}{
		{"all at once", `{"regoin":"eu","timeout":"fast","retries":11,"tags":["a",7],"limits":{"low":5},"hosts":[{"url":1}]}`, nil, []string{
			"regoin: unknown setting: did you mean region?",
			"region: missing: want one of eu, us",
			`timeout: "fast": want a duration such as "30s" or "5m"`,
			"retries: 11: want at most 10 (whole number)",
			"tags[1]: 7: want a text",
			"hosts[0].url: unknown setting: did you mean uri?",
			"hosts[0].uri: missing: want a text",
			"limits.low: have 5, want at most high",
			"token: missing: give it with --secret token=FILE",
		}},
		{"bounds", `{` + required + `,"timeout":"1ms","ratio":1.5,"tags":["1","2","3","4"],"retries":256}`, goodSecret(), []string{
			`timeout: "1ms": want 1s to 5m (duration)`,
			"retries: 256: want a whole number from 0 to 255",
			"ratio: 1.5: want 0 to 1 (number)",
			"tags: a list of 4: want at most 3 (entries)",
		}},
		{"texts", `{"region":"ue","currency":"euro","address":"home"}`, goodSecret(), []string{
			`region: "ue": want one of eu, us`,
			`currency: "euro": want a text that matches ^[A-Z]{3}$`,
			`address: ParseAddr("home"): unable to parse IP`,
		}},
		{"types", `{` + required + `,"labels":[],"hosts":{},"limits":"x","spot":"yes","retries":1.5,"tags":null}`, goodSecret(), []string{
			"retries: 1.5: want a whole number from 0 to 255",
			`spot: "yes": want true or false`,
			"tags: null: leave it out instead",
			"labels: a list of 0: want an object",
			"hosts: an object: want a list",
			`limits: "x": want an object`,
		}},
		{"secret among the settings", `{` + required + `,"token":"hunter2"}`, nil, []string{
			"token: a secret must not stand among the settings: give it with --secret token=FILE",
		}},
		{"unknown secret", `{` + required + `}`, map[string][]byte{"token": {'x'}, "tokn": {'x'}}, []string{
			"tokn: there is no such secret: did you mean token?",
		}},
		{"empty secret", `{` + required + `}`, map[string][]byte{"token": {'\n'}}, []string{"token: the secret is empty"}},
		{"twice", `{` + required + `,"region":"us"}`, goodSecret(), []string{`not valid JSON: key "region" appears twice`}},
		{"more", `{` + required + `} {}`, goodSecret(), []string{"not valid JSON: something follows the end of the JSON value"}},
		{"cut", `{"region":`, goodSecret(), []string{"not valid JSON: unexpected EOF"}},
		{"no object", `[]`, goodSecret(), []string{"a list of 0: want an object"}},
		{"deep", strings.Repeat("[", 100), goodSecret(), []string{"not valid JSON: nested deeper than 32"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeConfig[testConfig]([]byte(tt.json), tt.secrets)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Kind != Invalid {
				t.Fatalf("error %v", err)
			}
			var got []string
			for _, f := range e.Faults {
				got = append(got, f.String())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("want -, got +\n%s", d)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows a secret")
			}
		})
	}
}

func goodSecret() map[string][]byte { return map[string][]byte{"token": []byte("x")} }

func TestConfigTypesThatAreWrong(t *testing.T) {
	type loop struct {
		Self []any `json:"self"`
	}
	for _, err := range []error{
		defect[struct{ A int }](),
		defect[struct {
			A int `json:"a" default:"x"`
		}](),
		defect[struct {
			A int `json:"a" max:"1" default:"2"`
		}](),
		defect[struct {
			A int `json:"a" min:"low"`
		}](),
		defect[struct {
			A string `json:"a" secret:"true"`
		}](),
		defect[struct {
			A Secret `json:"a"`
		}](),
		defect[struct {
			A []Secret `json:"a"`
		}](),
		defect[struct {
			A string `json:"a" pattern:"("`
		}](),
		defect[struct {
			A string `json:"a" required:"true" default:"x"`
		}](),
		defect[struct {
			A func() `json:"a"`
		}](),
		defect[loop](),
		defect[int](),
	} {
		if KindOf(err) != Internal {
			t.Errorf("error %v, want one of kind Internal", err)
		}
	}
}

func defect[C any]() error {
	_, err := DecodeConfig[C]([]byte(`{}`), nil)
	return err
}

func TestSchemaAndDocs(t *testing.T) {
	schema, err := ConfigSchema[testConfig]()
	if err != nil {
		t.Fatal(err)
	}
	var indented strings.Builder
	enc := json.NewEncoder(&indented)
	enc.SetIndent("", "  ")
	if err := enc.Encode(json.RawMessage(schema)); err != nil {
		t.Fatal(err)
	}
	golden(t, "config.schema.json", indented.String())
	golden(t, "config.md", ConfigDocs[testConfig]())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: want -, got +\n%s", name, d)
	}
}

// Whatever the decoder takes, the schema takes: a host that validates first
// refuses nothing that the plugin would have understood.
func FuzzDecodeConfig(f *testing.F) {
	schema, err := ConfigSchema[testConfig]()
	if err != nil {
		f.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		f.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		f.Fatal(err)
	}
	compiled, err := c.Compile("s.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"region":"eu","timeout":"2s","spot":false,"labels":{"x":"y"},"hosts":[{"uri":"u"}],"limits":{"high":9}}`)
	f.Add(`{"region":"eu","timeout":"+2s","retries":-0,"ratio":1e-3}`)
	f.Add(`{"region":"eu","timeout":"+1.s.5s1us"}`)
	f.Add(`{"region":"eu","timeout":"1s1µs1μs"}`)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := DecodeConfig[testConfig]([]byte(text), goodSecret())
		if err != nil {
			if KindOf(err) != Invalid {
				t.Fatal(err)
			}
			return
		}
		if text == "" {
			text = "{}"
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("the decoder takes %q: %v", text, err)
		}
		if err := compiled.Validate(v); err != nil {
			t.Fatalf("the decoder takes %q: %v", text, err)
		}
	})
}

func TestSecretIsNeverShown(t *testing.T) {
	s := struct{ S Secret }{NewSecret("hunter2")}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(text), fmt.Sprint(s), fmt.Sprintf("%+v %#v %s %q", s, s, s.S, s.S), fmt.Sprint(&s)} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("shown as %s", shown)
		}
	}
}

type twice struct {
	Common struct {
		One inner `json:"one" help:"The first."`
	} `json:"common"`
	Others []inner          `json:"others" help:"The others."`
	Named  map[string]inner `json:"named"`
}

type inner struct {
	Depth int `json:"depth" help:"How deep."`
}

// Settings that several places have in common are shown at the first of them.
func TestConfigDocsShowAStructOnce(t *testing.T) {
	docs := ConfigDocs[twice]()
	if strings.Count(docs, "How deep.") != 1 || !strings.Contains(docs, "| `common.one.depth` |") {
		t.Errorf("the settings of inner are not shown once:\n%s", docs)
	}
	for _, row := range []string{
		"| `others` | list of object |  | The others. Its settings are those of `common.one`. |",
		"| `named` | map of object |  | Its settings are those of `common.one`. |",
	} {
		if !strings.Contains(docs, row) {
			t.Errorf("no row %q in\n%s", row, docs)
		}
	}
}
