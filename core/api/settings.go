package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/mesoncloud/meson/core"
)

// maxIndex bounds the lists that a dotted path can make.
const maxIndex = 999

// config is a provider's configuration as asked for, all faults at once.
func (m *Meson) config(req AddProviderRequest, schema string) (core.ProviderConfig, error) {
	e := &core.Error{Kind: core.Invalid, Op: "add provider", Subject: req.Name}
	fault := faulter(e)
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`).MatchString(req.Name) {
		fault("NAME", req.Name, "up to 32 of a-z, 0-9 and -, such as rack1")
	}
	if req.Plugin == "" {
		fault("--plugin", "", "a plugin's name; meson plugin ls shows them")
	}
	settings := req.Settings
	if len(settings) == 0 {
		settings = []byte("{}")
	}
	if !gjson.ValidBytes(settings) || !gjson.ParseBytes(settings).IsObject() {
		fault("--config", "", "one JSON object")
		settings = []byte("{}")
	}
	settings = lay(settings, schema, req.Set, fault)
	files := absolute(req.SecretFiles, fault)
	if len(e.Faults) > 0 {
		return core.ProviderConfig{}, e
	}
	return core.ProviderConfig{
		Name: req.Name, Plugin: req.Plugin, Settings: settings, SecretFiles: files, Connect: req.Connect, CreatedAt: m.Now().UTC(),
	}, nil
}

// faulter adds what is wrong with the command line to an error.
func faulter(e *core.Error) func(path, have, want string) {
	return func(path, have, want string) {
		e.Faults = append(e.Faults, core.Fault{Path: path, Have: have, Want: want, Text: fmt.Sprintf("%q: want %s", have, want)})
	}
}

// lay lays key=value pairs over settings.
func lay(settings []byte, schema string, pairs []string, fault func(path, have, want string)) []byte {
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			fault("--set", key, "key=value")
			continue
		}
		next, err := set(settings, schema, key, value)
		if err != nil {
			fault("--set", key, err.Error()) // the value may be meant to be secret
			continue
		}
		settings = next
	}
	return settings
}

// absolute are the files of secrets by paths that hold wherever Meson is run.
func absolute(files map[string]string, fault func(path, have, want string)) map[string]string {
	out := make(map[string]string, len(files))
	for _, key := range slices.Sorted(maps.Keys(files)) {
		abs, err := filepath.Abs(files[key])
		if err != nil {
			fault("--secret", key, err.Error())
		}
		out[key] = abs
	}
	return out
}

// set puts a value at a dotted path: JSON if it is JSON, else a text. Where the
// plugin's schema has a text, only a quoted one is JSON.
func set(settings []byte, schema, key, value string) ([]byte, error) {
	for part := range strings.SplitSeq(key, ".") {
		if n, err := strconv.Atoi(part); err == nil && n > maxIndex {
			return nil, fmt.Errorf("a list of at most %d items", maxIndex+1)
		}
	}
	if json.Valid([]byte(value)) && (value[0] == '"' || typeAt(schema, key) != "string") {
		return sjson.SetRawBytes(settings, key, []byte(value))
	}
	return sjson.SetBytes(settings, key, value)
}

// typeAt is the type that a JSON Schema gives the value at a dotted path, empty
// where it does not say.
func typeAt(schema, key string) string {
	at := gjson.Parse(schema)
	for part := range strings.SplitSeq(key, ".") {
		if ref := at.Get("$ref").String(); strings.HasPrefix(ref, "#/") {
			at = gjson.Get(schema, strings.ReplaceAll(ref[2:], "/", "."))
		}
		if at.Get("type").String() == "array" {
			at = at.Get("items")
			continue
		}
		at = at.Get("properties." + part)
	}
	return at.Get("type").String()
}
