package sdktest

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/sdk"
)

// SettingsPage fails a test where a page of documentation does not have the
// settings C of a plugin as [sdk.ConfigDocs] prints them, between a line that
// begins with "<!-- config-docs" and one that begins with "<!-- /config-docs". With
// write it puts them there instead.
func SettingsPage[C any](t testing.TB, page string, write bool) {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`(?ms)^<!-- config-docs[^\n]*\n(.*?)^<!-- /config-docs`).FindSubmatchIndex(data)
	if at == nil {
		t.Fatalf("%s: the marks around the table of settings are gone", page)
	}
	want := "\n" + sdk.ConfigDocs[C]() + "\n"
	if write {
		fresh := string(data[:at[2]]) + want + string(data[at[3]:])
		if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, string(data[at[2]:at[3]])); d != "" {
		t.Errorf("%s: the table of settings is stale:\n%s", page, d)
	}
}
