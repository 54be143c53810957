package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mesoncloud/meson/sdk"
)

// Settings are the limits of settings.json at the root of a vault. They bind what
// is made or grown; what is there already stays.
type Settings struct {
	// MaxVolumes is how many volumes there may be, MaxBytes what their sizes may add
	// up to (max-size there, in GB of 2^30 bytes). nil: no limit.
	MaxVolumes *uint64
	MaxBytes   *uint64
}

const (
	settingsName     = "settings.json"
	maxSettingsBytes = 64 << 10
	// most is the largest limit.
	most = 1 << 32
)

// Settings reads settings.json; without one there is no limit. A damaged one is an
// Invalid error with everything that is wrong, and nothing is made then.
func (v *Vault) Settings(context.Context) (Settings, error) {
	data, _, err := v.root.read(settingsName, maxSettingsBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, failed("read settings", v.root.path, err)
	}
	s, faults := parseSettings(data)
	if len(faults) > 0 {
		return Settings{}, &sdk.Error{
			Kind: sdk.Invalid, Op: "read settings", Subject: v.root.path + "/" + settingsName, Source: sdk.SourceProvider, Faults: faults,
			Hint: `want {"max-volumes": 100, "max-size": 500}, in GB`,
		}
	}
	return s, nil
}

// parseSettings reads limits; keys of others are passed over.
func parseSettings(data []byte) (Settings, []sdk.Fault) {
	var (
		s      Settings
		faults []sdk.Fault
	)
	if err := plainJSON(data); err != nil {
		return s, []sdk.Fault{{Text: "it is not JSON: " + err.Error()}}
	}
	whole := gjson.ParseBytes(data)
	if !whole.IsObject() {
		return s, []sdk.Fault{{Text: "it is no JSON object"}}
	}
	seen := map[string]bool{}
	whole.ForEach(func(key, value gjson.Result) bool {
		var (
			to   **uint64
			unit float64
			want string
		)
		switch key.String() {
		case "max-volumes":
			to, unit, want = &s.MaxVolumes, 1, fmt.Sprintf("a whole number from 0 to %d", most)
		case "max-size":
			to, unit, want = &s.MaxBytes, GiB, fmt.Sprintf("GB, from 0 to %d", most)
		default:
			return true
		}
		if seen[key.String()] {
			faults = append(faults, sdk.Fault{Path: key.String(), Text: "stands there twice"})
		}
		seen[key.String()] = true
		if value.Type == gjson.Null {
			return true
		}
		n, err := strconv.ParseFloat(value.Raw, 64)
		if err != nil || value.Type != gjson.Number || n < 0 || n > most || unit == 1 && n != math.Trunc(n) {
			faults = append(faults, sdk.Fault{Path: key.String(), Have: short(value.Raw), Want: want})
			return true
		}
		limit := uint64(n * unit)
		*to = &limit
		return true
	})
	return s, faults
}
