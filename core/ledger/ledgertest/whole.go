package ledgertest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// testSamples: the round trips of this suite only prove that nothing is lost
// if what goes in has every field set, those that are yet to come too.
func testSamples(t *testing.T, _ Store) {
	a := Allocation(t, "web")
	a.LastSeen = noon()
	if err := running(t)(&a); err != nil {
		t.Fatal(err)
	}
	attempt := Attempt(a, 1)
	attempt.InstanceID, attempt.Error = "i-1", &core.Error{}
	volume, attachment := Volume(t, a.ID), Attachment("x-1-0", a.ID)
	volume.VolumeID, volume.Keep, volume.Foreign, volume.Error = "v-9", true, true, &core.Error{}
	attachment.Volume, attachment.Epoch, attachment.Force, attachment.Error = volume.ID, 3, true, &core.Error{}
	for name, c := range map[string]struct {
		value any
		// may are fields that need not, or cannot, be set.
		may []string
	}{
		"allocation": {a, []string{
			"Instance.Attachments.Connection.ISCSI.CHAPPassword", "Instance.Attachments.Connection.NBD.TLSPSK", "Instance.Attachments.Connection.RBD.Key",
		}},
		"attempt":    {attempt, []string{"Error"}},
		"volume":     {volume, []string{"Error"}},
		"attachment": {attachment, []string{"Error"}},
		"provider":   {value: rack("rack1")},
		"price list": {value: *PriceList(t, "r1")},
		"terms":      {value: Terms(t)},
	} {
		for _, path := range unset(reflect.ValueOf(c.value), "") {
			if !slices.ContainsFunc(c.may, func(m string) bool { return strings.HasPrefix(path, "."+m) }) {
				t.Errorf("%s: no sample sets %s: set it, and see whether it comes back", name, path)
			}
		}
	}
}

// unset are the paths of the fields that are zero in v, or in all elements of
// a slice.
func unset(v reflect.Value, path string) []string {
	switch v.Interface().(type) {
	case time.Time, pricing.Money, core.Secret:
		if v.IsZero() {
			return []string{path}
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return unset(v.Elem(), path)
		}
	case reflect.Struct:
		var all []string
		for i := range v.NumField() {
			all = append(all, unset(v.Field(i), fmt.Sprintf("%s.%s", path, v.Type().Field(i).Name))...)
		}
		return all
	case reflect.Slice:
		// One element that sets a field is enough.
		var never []string
		for i := range v.Len() {
			missing := unset(v.Index(i), path)
			if i == 0 {
				never = missing
			}
			never = slices.DeleteFunc(never, func(p string) bool { return !slices.Contains(missing, p) })
		}
		if v.Len() > 0 {
			return never
		}
	}
	if v.IsZero() {
		return []string{path}
	}
	return nil
}
