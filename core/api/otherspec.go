package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/mesoncloud/meson/core"
)

// otherSpec is the Conflict of a name whose machine has another pledge; its
// faults are the fields that differ.
func otherSpec(a core.Allocation, asked core.Pledge) error {
	e := &core.Error{
		Kind: core.Conflict, Op: "deploy", Subject: a.Name, Text: fmt.Sprintf("allocation %s has this name and another spec", a.ID),
		Hint: fmt.Sprintf("meson rm %s first, or choose another --name", a.Name),
	}
	has, wants := fieldsOf(a.Pledge), fieldsOf(asked)
	all := maps.Clone(has)
	maps.Copy(all, wants)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		have, want := field(has, path), field(wants, path)
		if have != want {
			e.Faults = append(e.Faults, core.Fault{Path: path, Have: have, Want: want, Text: fmt.Sprintf("the machine has %s, this spec %s", have, want)})
		}
	}
	if len(e.Faults) == 0 {
		e.Faults = []core.Fault{{Text: "the password or the user data differ, which are not shown"}}
	}
	return e
}

// fieldsOf are a pledge's fields as JSON by their path in the flat encoding,
// without secrets: what is stored has none.
func fieldsOf(p core.Pledge) map[string]string {
	p.Login.Password, p.UserData = core.Secret{}, core.Secret{}
	fields := map[string]string{}
	data, err := json.Marshal(p)
	if err == nil {
		flatten(fields, "", data)
	}
	return fields
}

func flatten(into map[string]string, path string, value json.RawMessage) {
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		into[path] = string(value)
		return
	}
	for key, v := range object {
		if path != "" {
			key = path + "." + key
		}
		flatten(into, key, v)
	}
}

// field is a value short enough for a line.
func field(fields map[string]string, path string) string {
	const most = 60
	text, ok := fields[path]
	switch runes := []rune(text); {
	case !ok:
		return "nothing"
	case len(runes) > most:
		return string(runes[:most]) + "…"
	}
	return text
}
