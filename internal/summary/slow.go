package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// What takes less is not worth a line; and so many lines and tests are enough.
const (
	slowPackage  = 30 * time.Second
	slowTest     = 5 * time.Second
	slowPackages = 12
	slowTests    = 4
)

// slowness is how long packages and their tests took.
type slowness struct {
	packages map[string]time.Duration
	// tests are those of a package by name, subtests too.
	tests map[string]map[string]time.Duration
}

func newSlowness() *slowness {
	return &slowness{packages: map[string]time.Duration{}, tests: map[string]map[string]time.Duration{}}
}

// took notes the end of a test, or of a package.
func (s *slowness) took(e event) {
	d := time.Duration(e.Elapsed * float64(time.Second))
	if e.Test == "" {
		s.packages[e.Package] = d
		return
	}
	if s.tests[e.Package] == nil {
		s.tests[e.Package] = map[string]time.Duration{}
	}
	s.tests[e.Package][e.Test] = d
}

// print writes a line for each of the slowest packages, with its slowest tests:
// where time could be saved.
func (s *slowness) print(out io.Writer) {
	for _, pkg := range slowest(s.packages, slowPackage, slowPackages) {
		var tests []string
		for _, test := range slowest(leaders(s.tests[pkg]), slowTest, slowTests) {
			tests = append(tests, fmt.Sprintf("%s %s", test, s.tests[pkg][test].Round(time.Second)))
		}
		line := fmt.Sprintf("slow: %s %s", pkg, s.packages[pkg].Round(time.Second))
		if len(tests) > 0 {
			line += ": " + strings.Join(tests, ", ")
		}
		fmt.Fprintln(out, line)
	}
}

// leaders are the tests that no test above them accounts for: subtests that ran
// beside others take longer than what began them.
func leaders(all map[string]time.Duration) map[string]time.Duration {
	lead := map[string]time.Duration{}
	for test, took := range all {
		i := strings.LastIndexByte(test, '/')
		if i < 0 || took > all[test[:i]] {
			lead[test] = took
		}
	}
	return lead
}

// slowest are the names of those that took at least so long, the longest first,
// and at most so many.
func slowest(all map[string]time.Duration, least time.Duration, most int) (names []string) {
	for name, took := range all {
		if took >= least {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(all[b], all[a]), strings.Compare(a, b)) })
	return names[:min(len(names), most)]
}
