package iscsi

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An offer says what the vault has left, and its limits where it has any.
func TestOffersSayWhatIsLeft(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	facts := func() map[string]string {
		t.Helper()
		return order(t, p, "raw", 1<<30).GetOffer().GetFacts()
	}
	got := facts()
	if free, err := strconv.ParseFloat(got["free_gib"], 64); err != nil || free < 1 || len(got) != 2 || got["format"] != "raw" {
		t.Errorf("without limits: %v, %v, want format and free_gib alone", got, err)
	}
	s.write("settings.json", `{"max-volumes": 3, "max-size": 2.5}`)
	want := map[string]string{"format": "raw", "free_gib": "2.5", "volumes_left": "3", "limit_gib": "2.5"}
	if d := cmp.Diff(want, facts()); d != "" {
		t.Errorf("of an empty vault: %s", d)
	}
	s.write("theirs.elimg/meta.json", `{"size": 1.125, "name": "theirs"}`)
	s.write("theirs.elimg/data.img", "")
	if err := os.Truncate(filepath.Join(s.vault, "theirs.elimg/data.img"), 9<<27); err != nil {
		t.Fatal(err)
	}
	if err := p.store.vaults[0].vault.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	want["free_gib"], want["volumes_left"] = "1.375", "2"
	if d := cmp.Diff(want, facts()); d != "" {
		t.Errorf("of one with a volume: %s", d)
	}
}
