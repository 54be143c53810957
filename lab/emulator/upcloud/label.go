package upcloud

import (
	"net/url"
	"strings"
)

// label is a key and a value on a server, storage or network.
type label struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// wireLabels is how servers have them; storages and networks have the bare list.
type wireLabels struct {
	Label []label `json:"label"`
}

const maxLabels = 64

// checkLabels refuses what the service refuses.
func checkLabels(all []label) error {
	if len(all) > maxLabels {
		return bad("INVALID_LABEL_KEY", "There may be %d labels at most.", maxLabels)
	}
	seen := map[string]bool{}
	for _, l := range all {
		switch {
		case len(l.Key) < 2 || len(l.Key) > 32 || strings.ContainsFunc(l.Key, unprintable):
			return bad("INVALID_LABEL_KEY", "The label key %.40q is invalid.", l.Key)
		case len(l.Value) > 255 || strings.ContainsFunc(l.Value, func(r rune) bool { return r < ' ' }):
			return bad("INVALID_LABEL_VALUE", "The value of the label %s is invalid.", l.Key)
		case seen[l.Key]:
			return bad("DUPLICATE_LABEL_KEYS", "The label key %s is there more than once.", l.Key)
		}
		seen[l.Key] = true
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// labelled reports whether all the filters of a query hold: label=key, or
// label=key=value.
func labelled(all []label, query url.Values) bool {
	for _, filter := range query["label"] {
		key, value, exact := strings.Cut(filter, "=")
		found := false
		for _, l := range all {
			found = found || l.Key == key && (!exact || l.Value == value)
		}
		if !found {
			return false
		}
	}
	return true
}
