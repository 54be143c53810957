package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

const (
	maxConfigBytes = 4 << 20
	maxConfigDepth = 32
)

// object is a JSON object whose keys keep their order.
type object struct {
	keys   []string
	values map[string]any
}

// parseJSON reads one JSON value into nil, bool, string, json.Number, []any and
// *object. Keys that appear twice, depth without bound and anything after the
// value are refused.
func parseJSON(data []byte) (any, error) {
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf("%d bytes: at most %d", len(data), maxConfigBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the end of the JSON value")
	}
	return v, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxConfigDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxConfigDepth)
	}
	if delim == '[' {
		list := []any{}
		for dec.More() {
			v, err := parseValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	o := &object{values: map[string]any{}}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if _, twice := o.values[name]; twice {
			return nil, fmt.Errorf("key %.64q appears twice", name)
		}
		v, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		o.keys, o.values[name] = append(o.keys, name), v
	}
	_, err = dec.Token()
	return o, err
}

// canonical appends a parsed value with the keys of objects in order.
func canonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case *object:
		b = append(b, '{')
		for _, k := range slices.Sorted(slices.Values(v.keys)) {
			b = strconv.AppendQuote(b, k)
			b = append(canonical(append(b, ':'), v.values[k]), ',')
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for _, e := range v {
			b = append(canonical(b, e), ',')
		}
		return append(b, ']')
	case string:
		return strconv.AppendQuote(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, "null"...)
}
