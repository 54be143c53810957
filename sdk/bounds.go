package sdk

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// inBounds holds a value against the tags min and max, which field.check has
// seen to be readable.
func (f *field) inBounds(v reflect.Value) bool {
	within := func(compare func(bound string) int) bool {
		return (f.min == "" || compare(f.min) >= 0) && (f.max == "" || compare(f.max) <= 0)
	}
	switch f.node.shape {
	case shapeDuration:
		return within(func(bound string) int {
			b, _ := time.ParseDuration(bound)
			return cmp.Compare(v.Int(), int64(b))
		})
	case shapeInt:
		return within(func(bound string) int {
			b, _ := strconv.ParseInt(bound, 10, 64)
			if !v.CanUint() {
				return cmp.Compare(v.Int(), b)
			}
			if b < 0 || v.Uint() > 1<<63-1 {
				return 1
			}
			return cmp.Compare(int64(v.Uint()), b)
		})
	case shapeFloat:
		return within(func(bound string) int {
			b, _ := strconv.ParseFloat(bound, 64)
			return cmp.Compare(v.Float(), b)
		})
	case shapeString, shapeList, shapeMap:
		return within(func(bound string) int {
			b, _ := strconv.Atoi(bound)
			return cmp.Compare(int64(v.Len()), int64(b))
		})
	}
	return true
}

func (f *field) boundsText() string {
	what := f.node.text()
	switch f.node.shape {
	case shapeString:
		what = "characters"
	case shapeList, shapeMap:
		what = "entries"
	}
	switch {
	case f.min != "" && f.max != "":
		return fmt.Sprintf("%s to %s (%s)", f.min, f.max, what)
	case f.min != "":
		return fmt.Sprintf("at least %s (%s)", f.min, what)
	}
	return fmt.Sprintf("at most %s (%s)", f.max, what)
}
