package spec_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

var update = flag.Bool("update", false, "write the golden files")

// TestEveryFaultAtOnce compares all that is said about bad specs with the golden
// files beside them.
func TestEveryFaultAtOnce(t *testing.T) {
	for _, file := range files(t, "testdata/bad/*.json", "testdata/bad/*.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, err := spec.Parse(load(t, file), spec.Options{Name: filepath.Base(file)})
			if diff := cmp.Diff(core.Pledge{}, p, equalSecrets()); diff != "" {
				t.Errorf("a pledge came with the error: %s", diff)
			}
			golden(t, file+".faults", told(t, err))
		})
	}
}

// told lists an error's faults, one a line, and checks that each says enough.
func told(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Kind != core.Invalid || len(e.Faults) == 0 {
		t.Fatalf("error is %#v, want a *core.Error of kind invalid with faults", err)
	}
	var b strings.Builder
	for _, f := range e.Faults {
		if f.Text == "" || f.Want == "" && !strings.HasPrefix(f.Text, "and ") {
			t.Errorf("fault %+v does not say what would be right", f)
		}
		if strings.Contains(fmt.Sprintf("%+v", f), "hunter2") {
			t.Errorf("fault %+v shows a secret", f)
		}
		fmt.Fprintf(&b, "%d:%d: %s\n", f.Line, f.Column, f)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(load(t, file)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func load(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func files(t testing.TB, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		all = append(all, found...)
	}
	return all
}

func equalSecrets() cmp.Option {
	return cmp.Comparer(func(a, b core.Secret) bool { return a.Reveal() == b.Reveal() })
}
