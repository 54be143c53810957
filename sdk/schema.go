package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/invopop/jsonschema"
)

// ConfigSchema is the JSON Schema (2020-12) of the settings that C reads.
// Secrets are properties with "writeOnly" and "x-meson-secret": they are given
// apart, so a schema never demands one; "x-meson-required" says that the plugin
// will.
func ConfigSchema[C any]() (string, error) {
	tree, err := configTree(reflect.TypeFor[C]())
	if err != nil {
		return "", err
	}
	return schemaText(tree)
}

func schemaText(tree *node) (string, error) {
	s := tree.schema()
	s.Version = jsonschema.Version
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("write configuration schema: %w", err)
	}
	return string(text), nil
}

// durationPattern matches everything that time.ParseDuration reads.
const durationPattern = `^[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

func (n *node) schema() *jsonschema.Schema {
	s := &jsonschema.Schema{}
	switch n.shape {
	case shapeObject:
		s.Type, s.AdditionalProperties = "object", jsonschema.FalseSchema
		s.Properties = jsonschema.NewProperties()
		for _, f := range n.fields {
			s.Properties.Set(f.name, f.schema())
			if f.required && f.node.shape != shapeSecret {
				s.Required = append(s.Required, f.name)
			}
		}
	case shapeList:
		s.Type, s.Items = "array", n.elem.schema()
	case shapeMap:
		s.Type, s.AdditionalProperties = "object", n.elem.schema()
	case shapeBool:
		s.Type = "boolean"
	case shapeInt:
		s.Type = "integer"
		if n.typ.Kind() >= reflect.Uint && n.typ.Kind() <= reflect.Uint64 {
			s.Minimum = "0"
		}
	case shapeFloat:
		s.Type = "number"
	case shapeDuration:
		s.Type, s.Pattern = "string", durationPattern
	case shapeSecret:
		s.Type, s.Format, s.WriteOnly = "string", "password", true
		s.Extras = map[string]any{"x-meson-secret": true}
	default:
		s.Type = "string"
	}
	return s
}

func (f *field) schema() *jsonschema.Schema {
	s := f.node.schema()
	s.Description = f.help
	for _, e := range f.enum {
		s.Enum = append(s.Enum, e)
	}
	if f.pattern != nil {
		s.Pattern = f.pattern.String()
	}
	if f.hasDefault {
		s.Default = plain(f.fallbackJSON())
	}
	if f.example != "" {
		s.Examples = []any{f.example}
	}
	switch f.node.shape {
	case shapeInt, shapeFloat:
		if f.min != "" {
			s.Minimum = json.Number(f.min)
		}
		s.Maximum = json.Number(f.max)
	case shapeString:
		s.MinLength, s.MaxLength = length(f.min), length(f.max)
	case shapeList:
		s.MinItems, s.MaxItems = length(f.min), length(f.max)
	case shapeMap:
		s.MinProperties, s.MaxProperties = length(f.min), length(f.max)
	case shapeSecret:
		if f.required {
			s.Extras["x-meson-required"] = true
		}
	}
	return s
}

func length(bound string) *uint64 {
	n, err := strconv.ParseUint(bound, 10, 31)
	if err != nil {
		return nil
	}
	return &n
}

// plain is a parsed JSON value as encoding/json writes it.
func plain(v any) any {
	switch v := v.(type) {
	case *object:
		m := make(map[string]any, len(v.keys))
		for _, k := range v.keys {
			m[k] = plain(v.values[k])
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = plain(e)
		}
		return list
	}
	return v
}
