package sdk

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// shape is what a setting looks like in JSON.
type shape int

const (
	shapeObject shape = iota
	shapeList
	shapeMap
	shapeString
	shapeBool
	shapeInt
	shapeFloat
	shapeDuration
	shapeText // encoding.TextUnmarshaler
	shapeSecret
)

// node is the type of one value in a configuration.
type node struct {
	shape  shape
	typ    reflect.Type
	elem   *node   // of lists and maps
	fields []field // of objects
}

// field is one setting with what its tags say.
type field struct {
	index      int
	name       string
	node       *node
	optional   bool // a pointer: absent stays nil
	help       string
	example    string
	fallback   string // tag default
	hasDefault bool
	required   bool
	enum       []string
	min, max   string
	pattern    *regexp.Regexp
}

// configTree reads the type of a configuration. Its errors are the author's:
// a type or tag that has no meaning here.
func configTree(t reflect.Type) (*node, error) {
	n, err := nodeOf(t, nil)
	if err != nil {
		return nil, fmt.Errorf("configuration type %v: %w", t, err)
	}
	if n.shape != shapeObject {
		return nil, fmt.Errorf("configuration type %v: want a struct", t)
	}
	return n, nil
}

func nodeOf(t reflect.Type, within []reflect.Type) (*node, error) {
	n := &node{typ: t}
	switch {
	case t == reflect.TypeFor[Secret]():
		n.shape = shapeSecret
		return n, nil
	case t == reflect.TypeFor[time.Duration]():
		n.shape = shapeDuration
		return n, nil
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		n.shape = shapeText
		return n, nil
	}
	var err error
	switch t.Kind() {
	case reflect.String:
		n.shape = shapeString
	case reflect.Bool:
		n.shape = shapeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n.shape = shapeInt
	case reflect.Float64, reflect.Float32:
		n.shape = shapeFloat
	case reflect.Slice:
		n.shape = shapeList
		n.elem, err = nodeOf(t.Elem(), within)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("map with keys of type %v: want strings", t.Key())
		}
		n.shape = shapeMap
		n.elem, err = nodeOf(t.Elem(), within)
	case reflect.Struct:
		n.shape = shapeObject
		for _, outer := range within {
			if outer == t {
				return nil, fmt.Errorf("%v contains itself", t)
			}
		}
		n.fields, err = fieldsOf(t, append(within[:len(within):len(within)], t))
	default:
		return nil, fmt.Errorf("type %v cannot be a setting", t)
	}
	if err != nil {
		return nil, err
	}
	if n.elem != nil && n.elem.shape == shapeSecret {
		return nil, errors.New("a list or map of secrets: make it a list of structs with a secret field")
	}
	return n, nil
}

func fieldsOf(t reflect.Type, within []reflect.Type) ([]field, error) {
	var fields []field
	seen := map[string]bool{}
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "-" || (!sf.IsExported() && !sf.Anonymous) {
			continue
		}
		if sf.Anonymous || name == "" {
			return nil, fmt.Errorf("field %s: want a json tag with its name", sf.Name)
		}
		if seen[name] {
			return nil, fmt.Errorf("field %s: name %s is taken", sf.Name, name)
		}
		seen[name] = true
		f, err := fieldOf(sf, i, name, within)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", sf.Name, err)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func fieldOf(sf reflect.StructField, index int, name string, within []reflect.Type) (field, error) {
	typ := sf.Type
	f := field{index: index, name: name}
	if typ.Kind() == reflect.Pointer {
		f.optional, typ = true, typ.Elem()
	}
	var err error
	if f.node, err = nodeOf(typ, within); err != nil {
		return f, err
	}
	f.help, f.example = sf.Tag.Get("help"), sf.Tag.Get("example")
	f.fallback, f.hasDefault = sf.Tag.Lookup("default")
	f.required = sf.Tag.Get("required") == "true"
	f.min, f.max = sf.Tag.Get("min"), sf.Tag.Get("max")
	if e := sf.Tag.Get("enum"); e != "" {
		f.enum = strings.Split(e, ",")
	}
	if p := sf.Tag.Get("pattern"); p != "" {
		if f.pattern, err = regexp.Compile(p); err != nil {
			return f, fmt.Errorf("pattern: %w", err)
		}
	}
	return f, f.check(sf.Tag.Get("secret") == "true")
}

// check refuses tags that contradict each other or the type.
func (f *field) check(secretTag bool) error {
	n := f.node
	stringy := n.shape == shapeString || n.shape == shapeText
	switch {
	case secretTag != (n.shape == shapeSecret):
		return errors.New(`a secret has both the type sdk.Secret and the tag secret:"true"`)
	case f.hasDefault && (f.required || n.shape == shapeSecret || n.shape == shapeObject):
		return errors.New("a default makes no sense here")
	case f.enum != nil && !stringy, f.pattern != nil && !stringy:
		return errors.New("enum and pattern are for texts")
	case f.optional && (n.shape == shapeSecret || n.shape == shapeList || n.shape == shapeMap):
		return errors.New("a pointer makes no sense here: empty means absent")
	}
	for _, bound := range []string{f.min, f.max} {
		if bound == "" {
			continue
		}
		var err error
		switch n.shape {
		case shapeDuration:
			_, err = time.ParseDuration(bound)
		case shapeInt:
			_, err = strconv.ParseInt(bound, 10, 64)
		case shapeFloat:
			_, err = strconv.ParseFloat(bound, 64)
		case shapeString, shapeList, shapeMap:
			_, err = strconv.ParseUint(bound, 10, 31)
		default:
			err = errors.New("not for this type")
		}
		if err != nil {
			return fmt.Errorf("bound %q: %w", bound, err)
		}
	}
	if !f.hasDefault {
		return nil
	}
	d := &decoder{}
	d.field(f, f.fallbackJSON(), reflect.New(n.typ).Elem(), "default")
	if len(d.faults) > 0 {
		return errors.New(d.faults[0].String())
	}
	return nil
}

// fallbackJSON is the default as the value that JSON would give. Texts stand as
// they are; everything else is read as JSON.
func (f *field) fallbackJSON() any {
	switch f.node.shape {
	case shapeString, shapeText, shapeDuration:
		return f.fallback
	}
	v, err := parseJSON([]byte(f.fallback))
	if err != nil {
		return f.fallback
	}
	return v
}
