package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
)

// Which volumes a name means, or the beginning of a vid.
func TestMatching(t *testing.T) {
	volume := func(provider, id, name string) found {
		return found{Volume: core.Volume{Provider: provider, ID: id, Name: name}}
	}
	all := []found{
		volume("p", "3f0c6c1e", "data"), volume("p", "3f0c6c1e@slow", "data@slow"), volume("p", "3f0c77aa", "logs"),
		volume("q", "3f0c6c1e", "data"), volume("q", "9a00@fast", "3f0c"),
	}
	for name, want := range map[string]string{
		"data": "p/3f0c6c1e q/3f0c6c1e", "data@slow": "p/3f0c6c1e@slow", "3f0c6": "p/3f0c6c1e q/3f0c6c1e", "3f0c6c1e@": "p/3f0c6c1e@slow",
		"3f0c7": "p/3f0c77aa", "3f0c": "q/9a00@fast", "9a00": "q/9a00@fast", "3f0": "", "none": "",
	} {
		var got []string
		for _, f := range matching(all, name) {
			got = append(got, f.Provider+"/"+f.ID)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
}
