package sdk

import (
	"reflect"
	"strings"
)

func (d *decoder) wrongSecret(path string) {
	d.fault(Fault{
		Path: path, Want: "a secret, given apart from the settings",
		Text: "a secret must not stand among the settings: give it with --secret " + path + "=FILE",
	})
}

func (d *decoder) secret(f *field, into reflect.Value, path string, misplaced bool) {
	d.known = append(d.known, path)
	value, given := d.secrets[path]
	switch {
	case given:
		d.used[path] = true
		s := strings.TrimSuffix(strings.TrimSuffix(string(value), "\n"), "\r")
		if f.required && s == "" {
			d.fault(Fault{Path: path, Want: "a secret", Text: "the secret is empty"})
		}
		into.Set(reflect.ValueOf(NewSecret(s)))
	case f.required && !misplaced:
		d.fault(Fault{Path: path, Want: "a secret", Text: "missing: give it with --secret " + path + "=FILE"})
	}
}
