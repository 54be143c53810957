package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The files are what `go test -json` printed for a package of each kind, less
// times and stacks.
func TestSummary(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int
	}{
		{"pass", 0},
		{"fail", 1},
		{"skip", 0},
		{"build", 1},
		{"panic", 1},
		{"timeout", 1},
		{"testmain", 1}, // every test passes, TestMain exits with 3
		{"no-tests", 1}, // nothing passed
		{"stopped", 1},  // go test itself was killed
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := os.ReadFile(filepath.Join("testdata", tt.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if code := run(bytes.NewReader(in), &out); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			golden := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Packages run side by side: their lines come mixed, and one bad package is
// enough.
func TestSummaryOfSeveralPackages(t *testing.T) {
	var all [][]string
	for _, name := range []string{"pass", "build", "panic", "skip"} {
		in, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.SplitAfter(string(in), "\n"))
	}
	var mixed strings.Builder
	for i := range 30 {
		for _, lines := range all {
			if i < len(lines) {
				mixed.WriteString(lines[i])
			}
		}
	}
	var out bytes.Buffer
	if code := run(strings.NewReader(mixed.String()), &out); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	want := `skipped: example.org/m/skip TestNeedsServer: a_test.go:5: no server: lab/kvm start makes one
failed: example.org/m/build
failed: example.org/m/panics TestPanics
5 passed, 2 failed, 1 skipped
`
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("ends with\n%s\nwant\n%s", out.String()[max(0, out.Len()-len(want)):], want)
	}
}

// What is no event, such as the go command's own complaints, is not lost.
func TestSummaryPassesOtherLinesOn(t *testing.T) {
	var out bytes.Buffer
	if code := run(strings.NewReader("go: no such module\n{broken\nwithout end"), &out); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	want := "go: no such module\n{broken\nwithout end"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got %q, want it to begin with %q", out.String(), want)
	}
	if !strings.HasSuffix(out.String(), "\n0 passed, 0 failed, 0 skipped\n") {
		t.Errorf("got %q, want the closing line on a line of its own", out.String())
	}
}

// The slowest packages and tests are told, the slowest first; a test that takes
// its time by a subtest is told once, by the name of the one that accounts for it.
func TestSummaryOfTheSlowest(t *testing.T) {
	var in strings.Builder
	ended := func(pkg, test string, seconds float64) {
		fmt.Fprintf(&in, `{"Action":"pass","Package":%q,"Test":%q,"Elapsed":%g}`+"\n", pkg, test, seconds)
	}
	for n := range 20 {
		ended(fmt.Sprintf("m/%02d", n), "", 30+float64(n))
	}
	ended("m/quick", "TestLong", 29)
	ended("m/quick", "", 29.9)
	ended("m/slow", "TestQuick", 4.9)
	ended("m/slow", "TestInTurn/one", 19)
	ended("m/slow", "TestInTurn/two", 21)
	ended("m/slow", "TestInTurn", 40)
	ended("m/slow", "TestBeside/one", 30)
	ended("m/slow", "TestBeside/two", 50)
	ended("m/slow", "TestBeside", 0.01)
	ended("m/slow", "TestFifth", 29)
	ended("m/slow", "TestSixth", 28)
	ended("m/slow", "", 100)
	var out bytes.Buffer
	run(strings.NewReader(in.String()), &out)
	_, got, _ := strings.Cut(out.String(), "slow: ")
	want := `m/slow 1m40s: TestBeside/two 50s, TestInTurn 40s, TestBeside/one 30s, TestFifth 29s
slow: m/19 49s
slow: m/18 48s
slow: m/17 47s
slow: m/16 46s
slow: m/15 45s
slow: m/14 44s
slow: m/13 43s
slow: m/12 42s
slow: m/11 41s
slow: m/10 40s
slow: m/09 39s
10 passed, 0 failed, 0 skipped
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
