package upcloud

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk/sdktest"
)

// The table of settings in README.md is what the plugin prints.
func TestDocsSettings(t *testing.T) { sdktest.SettingsPage[Config](t, "README.md", *update) }

// What README.md says of GPUs, systems and recordings is what the code has.
func TestDocsFigures(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, model := range []string{"L4", "L40S", "B200"} {
		if want := model + " "; !strings.Contains(page, want) || !strings.Contains(page, "`"+gpuIDs(model)[0]+"`") {
			t.Errorf("README.md: %s is %v", model, gpuIDs(model))
		}
	}
	for _, id := range gpuIDs("H100") {
		if !strings.Contains(page, strings.TrimPrefix(id, "10de:")) {
			t.Errorf("README.md: H100 can be %s", id)
		}
	}
	var names []string
	for _, s := range systems() {
		names = append(names, s.names[0])
	}
	list := strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	if !strings.Contains(strings.ReplaceAll(page, "\n", " "), list) {
		t.Errorf("README.md: the known systems are %s", list)
	}
	all := recordings(t, "*.yaml")
	refusals := slices.DeleteFunc(slices.Clone(all), func(i interaction) bool { return i.Response.Code < 400 })
	for _, want := range []string{fmt.Sprintf("(%d calls of", len(all)), fmt.Sprintf("all %d recorded errors", len(refusals))} {
		if !strings.Contains(strings.ReplaceAll(page, "\n", " "), want) {
			t.Errorf("README.md: want %q", want)
		}
	}
}
