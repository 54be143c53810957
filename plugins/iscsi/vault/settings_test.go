package vault

import (
	"context"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		text        string
		volumes, gb float64 // -1: no limit
		fault       string
	}{
		{`{}`, -1, -1, ""},
		{`{"max-volumes": 10, "max-size": 100}`, 10, 100, ""},
		{`{"max-volumes": 0, "max-size": 0.125, "other": [1]}`, 0, 0.125, ""},
		{`{"max-volumes": null}`, -1, -1, ""},
		{`{"max-size": 1e3}`, -1, 1000, ""},
		{`{"max-volumes": -1}`, 0, 0, "max-volumes: have -1"},
		{`{"max-volumes": 1.5, "max-size": "x"}`, 0, 0, "max-volumes: have 1.5, want a whole number from 0 to 4294967296; max-size: have \"x\""},
		{`{"max-volumes": true}`, 0, 0, "max-volumes"},
		{`{"max-size": 1e300}`, 0, 0, "max-size"},
		{`{"max-size": 1, "max-size": 2}`, 0, 0, "twice"},
		{`[]`, 0, 0, "no JSON object"},
		{`{`, 0, 0, "not JSON"},
		{``, 0, 0, "not JSON"},
	} {
		v := openVault(t)
		put(t, v.Root(), map[string]string{"settings.json": tt.text})
		s, err := v.Settings(t.Context())
		if tt.fault != "" {
			wantKind(t, err, sdk.Invalid, tt.fault)
			_, err = v.Create(t.Context(), small("k"), blank)
			wantKind(t, err, sdk.Invalid, "settings.json")
			continue
		}
		if err != nil || limit(s.MaxVolumes, 1) != tt.volumes || limit(s.MaxBytes, GiB) != tt.gb {
			t.Errorf("%s: %v, %v, %v", tt.text, limit(s.MaxVolumes, 1), limit(s.MaxBytes, GiB), err)
		}
	}
}

func limit(n *uint64, unit float64) float64 {
	if n == nil {
		return -1
	}
	return float64(*n) / unit
}

// The settings are a file of the vault, and no link out of it.
func TestSettingsAreAFile(t *testing.T) {
	for _, what := range []string{"link /etc/hostname", "fifo", "dir", "sparse 1000000000"} {
		v := openVault(t)
		put(t, v.Root(), map[string]string{"settings.json": what})
		if _, err := v.Create(t.Context(), small("k"), blank); err == nil {
			t.Errorf("%s: a volume was made", what)
		}
	}
}

// Limits bind what is made and what grows, and say how much there is.
func TestLimits(t *testing.T) {
	v := openVault(t)
	for _, key := range []string{"a", "b", "c"} {
		create(t, v, small(key))
	}
	put(t, v.Root(), map[string]string{"settings.json": `{"max-volumes": 3}`})
	_, err := v.Create(t.Context(), small("d"), blank)
	wantKind(t, err, sdk.Exhausted, "settings.json allows 3 volumes, and there are 3")
	put(t, v.Root(), map[string]string{"settings.json": `{"max-size": 0.375}`})
	_, err = v.Create(t.Context(), small("d"), blank)
	wantKind(t, err, sdk.Exhausted, "allows 0.375 GB, of which 0.375 are taken: 0.125 more do not fit")
	// Below what is there already: nothing is taken away, nothing is made.
	put(t, v.Root(), map[string]string{"settings.json": `{"max-volumes": 1, "max-size": 0.125}`})
	if _, err = v.Create(t.Context(), small("d"), blank); sdk.KindOf(err) != sdk.Exhausted || len(list(t, v)) != 3 {
		t.Errorf("%v, %d volumes", err, len(list(t, v)))
	}
	_, err = v.Resize(t.Context(), list(t, v)[0].Ref(), 2*Step, func(context.Context, *Held) error { return nil })
	wantKind(t, err, sdk.Exhausted, "allows 0.125 GB")
	if !strings.Contains(list(t, v)[0].Meta.Name, "vol") {
		t.Error("a volume was changed")
	}
}
