package upcloud_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

var update = flag.Bool("update", false, "write BEHAVIOUR.md")

func TestBehaviourPageIsTheTable(t *testing.T) {
	want := upcloud.BehaviourTable()
	if *update {
		if err := os.WriteFile("BEHAVIOUR.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("BEHAVIOUR.md")
	if err != nil || string(got) != want {
		t.Errorf("BEHAVIOUR.md is not what behaviour*.go says (%v): go test ./lab/emulator/upcloud -run Behaviour -update", err)
	}
}

// A behaviour that is said to be recorded names recordings that exist and that
// are compared, or at least read.
func TestBehavioursAreRecordedWhereTheySay(t *testing.T) {
	tapes := recordings(t)
	seen := map[string]bool{}
	for _, b := range upcloud.Behaviours() {
		if seen[b.Area+b.What] || b.What == "" || b.Where == "" || strings.ContainsAny(b.What+b.Where, "|\n") {
			t.Errorf("%+v: twice, empty, or not fit for a table", b)
		}
		seen[b.Area+b.What] = true
		if b.Source != upcloud.Recorded {
			continue
		}
		for _, name := range strings.Split(b.Where, ", ") {
			if tapes[name] == nil {
				t.Errorf("%s: there is no cassette %s", b.What, name)
			}
		}
	}
}
