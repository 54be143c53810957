package sdk

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder fills a configuration from parsed JSON and collects what is wrong.
type decoder struct {
	secrets map[string][]byte
	used    map[string]bool
	known   []string // paths of secrets that exist
	faults  []Fault
}

// value decodes v into the settable value into.
func (d *decoder) value(n *node, v any, into reflect.Value, path string) {
	switch n.shape {
	case shapeObject:
		o, ok := v.(*object)
		if !ok {
			d.wrong(path, v, "an object")
			return
		}
		d.object(n, o, into, path)
	case shapeList:
		list, ok := v.([]any)
		if !ok {
			d.wrong(path, v, "a list")
			return
		}
		into.Set(reflect.MakeSlice(n.typ, len(list), len(list)))
		for i, e := range list {
			d.value(n.elem, e, into.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case shapeMap:
		o, ok := v.(*object)
		if !ok {
			d.wrong(path, v, "an object")
			return
		}
		into.Set(reflect.MakeMapWithSize(n.typ, len(o.keys)))
		for _, key := range o.keys {
			e := reflect.New(n.elem.typ).Elem()
			d.value(n.elem, o.values[key], e, join(path, CleanText(key, 100)))
			into.SetMapIndex(reflect.ValueOf(key).Convert(n.typ.Key()), e)
		}
	case shapeString:
		if s, ok := v.(string); ok {
			into.SetString(s)
			return
		}
		d.wrong(path, v, "a text")
	case shapeBool:
		if b, ok := v.(bool); ok {
			into.SetBool(b)
			return
		}
		d.wrong(path, v, "true or false")
	case shapeText:
		d.text(v, into, path)
	case shapeSecret:
		d.wrongSecret(path)
	default:
		d.number(n, v, into, path)
	}
}

func (d *decoder) text(v any, into reflect.Value, path string) {
	s, ok := v.(string)
	if !ok {
		d.wrong(path, v, "a text")
		return
	}
	u, _ := into.Addr().Interface().(encoding.TextUnmarshaler)
	if err := u.UnmarshalText([]byte(s)); err != nil {
		d.fault(Fault{Path: path, Have: show(v), Text: CleanText(err.Error(), 500)})
	}
}

func (d *decoder) number(n *node, v any, into reflect.Value, path string) {
	if n.shape == shapeDuration {
		s, _ := v.(string)
		t, err := time.ParseDuration(s)
		if err != nil {
			d.wrong(path, v, `a duration such as "30s" or "5m"`)
			return
		}
		into.SetInt(int64(t))
		return
	}
	number, ok := v.(json.Number)
	if !ok {
		d.wrong(path, v, "a "+n.text())
		return
	}
	var err error
	switch {
	case n.shape == shapeFloat:
		var f float64
		if f, err = strconv.ParseFloat(number.String(), n.typ.Bits()); err == nil {
			into.SetFloat(f)
		}
	case into.CanUint():
		var u uint64
		if u, err = strconv.ParseUint(number.String(), 10, n.typ.Bits()); err == nil {
			into.SetUint(u)
		}
	default:
		var i int64
		if i, err = strconv.ParseInt(number.String(), 10, n.typ.Bits()); err == nil {
			into.SetInt(i)
		}
	}
	if err != nil {
		want := "a whole number"
		switch {
		case n.shape == shapeFloat:
			want = "a number"
		case into.CanUint():
			want = fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<(n.typ.Bits()-1)-1+uint64(1)<<(n.typ.Bits()-1))
		}
		d.wrong(path, v, want)
	}
}

func (d *decoder) object(n *node, o *object, into reflect.Value, path string) {
	before := len(d.faults)
	names := make([]string, len(n.fields))
	for i, f := range n.fields {
		names[i] = f.name
	}
	for _, key := range o.keys {
		if !slices.Contains(names, key) {
			d.fault(Fault{
				Path: join(path, CleanText(key, 100)), Want: "one of " + strings.Join(names, ", "),
				Text: "unknown setting" + suggest(key, names),
			})
		}
	}
	for i := range n.fields {
		f := &n.fields[i]
		v, given := o.values[f.name]
		d.setting(f, v, given, into.Field(f.index), join(path, f.name))
	}
	if len(d.faults) > before {
		return
	}
	if val, ok := into.Addr().Interface().(validator); ok {
		for _, fault := range val.Validate() {
			switch {
			case fault.Path == "":
				fault.Path = path
			case strings.HasPrefix(fault.Path, "["):
				fault.Path = path + fault.Path
			default:
				fault.Path = join(path, fault.Path)
			}
			if fault.Text == "" {
				fault.Text = Fault{Have: fault.Have, Want: fault.Want}.String()
			}
			d.fault(fault)
		}
	}
}

// setting decodes one field, or fills in what stands for its absence.
func (d *decoder) setting(f *field, v any, given bool, into reflect.Value, path string) {
	switch {
	case f.node.shape == shapeSecret:
		if given {
			d.wrongSecret(path)
		}
		d.secret(f, into, path, given)
	case given && v == nil:
		d.fault(Fault{Path: path, Have: "null", Want: "a value, or nothing at all", Text: "null: leave it out instead"})
	case given:
		d.field(f, v, indirect(f, into), path)
	case f.required:
		d.fault(Fault{Path: path, Want: f.wantText(), Text: "missing: want " + f.wantText()})
	case f.hasDefault:
		d.field(f, f.fallbackJSON(), indirect(f, into), path)
	case f.node.shape == shapeObject && !f.optional:
		d.object(f.node, &object{}, into, path)
	}
}

func indirect(f *field, into reflect.Value) reflect.Value {
	if !f.optional {
		return into
	}
	into.Set(reflect.New(f.node.typ))
	return into.Elem()
}

// field decodes a value and holds it against the field's tags.
func (d *decoder) field(f *field, v any, into reflect.Value, path string) {
	before := len(d.faults)
	d.value(f.node, v, into, path)
	if len(d.faults) > before {
		return
	}
	if s, ok := v.(string); ok {
		if f.enum != nil && !slices.Contains(f.enum, s) {
			want := "one of " + strings.Join(f.enum, ", ")
			d.fault(Fault{Path: path, Have: show(v), Want: want, Text: show(v) + ": want " + want + suggest(s, f.enum)})
		}
		if f.pattern != nil && !f.pattern.MatchString(s) {
			d.wrong(path, v, "a text that matches "+f.pattern.String())
		}
	}
	if !f.inBounds(into) {
		d.wrong(path, v, f.boundsText())
	}
}
