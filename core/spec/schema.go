package spec

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Schema is the JSON Schema (2020-12) of a spec in any of the encodings, made
// from the tables that Parse reads by. What it refuses Parse refuses; Parse also
// refuses what a schema cannot say, such as a key that stands twice or a flag
// that is malformed.
func Schema() []byte {
	defs := map[string]any{}
	var forms []any
	for _, e := range encodings() {
		s := objectSchema(e.fields)
		s["title"] = e.title
		if own := ownKeys(e.fields); len(own) > 0 {
			s["anyOf"] = own
		}
		defs[e.name] = s
		forms = append(forms, map[string]any{"$ref": "#/$defs/" + e.name})
	}
	data, err := json.MarshalIndent(map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         "urn:meson:schema:spec",
		"title":       "Meson spec",
		"description": "What a machine must be. One of four encodings, told by its keys.",
		"anyOf":       forms,
		"$defs":       defs,
	}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("encode schema: %v", err))
	}
	return append(data, '\n')
}

// ownKeys asks for one of the keys that tell an encoding from the flat one,
// since a file without any is flat. The flat encoding has none.
func ownKeys(fields []field[draft]) []any {
	base := flat()
	var own []any
	for _, f := range fields {
		same := func(b field[draft]) bool { return b.key == f.key && (b.within == nil) == (f.within == nil) }
		if !slices.ContainsFunc(base, same) {
			own = append(own, map[string]any{"required": []string{f.key}})
		}
	}
	return own
}
