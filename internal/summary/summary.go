package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// event is a line of `go test -json`, see `go doc test2json` and `go help buildjson`.
type event struct {
	Action      string
	Package     string
	Test        string
	Output      string
	Elapsed     float64
	ImportPath  string // of build-output
	FailedBuild string // the ImportPath of the build that a package failed by
}

type summary struct {
	out                     io.Writer
	passed, failed, skipped int
	// output holds what a test, a package (no test) or a build has printed.
	output map[string][]string
	// running holds, by package, the tests that have begun and not ended.
	running map[string]map[string]bool
	// failures and skips are the lines of the closing list, failures by package too.
	failures   []string
	skips      []string
	failuresOf map[string]int
	slow       *slowness
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: map[string][]string{}, running: map[string]map[string]bool{}, failuresOf: map[string]int{}, slow: newSlowness()}
}

func (s *summary) take(e event) {
	switch e.Action {
	case "build-output":
		s.output[e.ImportPath] = append(s.output[e.ImportPath], e.Output)
	case "output":
		s.output[key(e)] = append(s.output[key(e)], e.Output)
	case "start":
		s.running[e.Package] = map[string]bool{}
	case "run":
		if s.running[e.Package] != nil {
			s.running[e.Package][e.Test] = true
		}
	case "pass", "fail", "skip":
		s.slow.took(e)
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.endTest(e)
		}
	}
}

func (s *summary) endTest(e event) {
	delete(s.running[e.Package], e.Test)
	output := s.output[key(e)]
	delete(s.output, key(e))
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
		s.skips = append(s.skips, key(e)+": "+reason(output))
	case "fail":
		s.fail(e.Package, key(e))
		fmt.Fprintf(s.out, "FAIL %s\n%s", key(e), indent(output))
	}
}

func (s *summary) endPackage(e event) {
	// Tests that were running when the process died have no end of their own.
	for _, test := range slices.Sorted(maps.Keys(s.running[e.Package])) {
		s.endTest(event{Action: "fail", Package: e.Package, Test: test})
	}
	delete(s.running, e.Package)
	output := s.output[key(e)]
	delete(s.output, key(e))
	took := time.Duration(e.Elapsed * float64(time.Second)).Round(10 * time.Millisecond)
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.out, "ok   %s %s\n", e.Package, took)
	case "fail":
		if s.failuresOf[e.Package] == 0 {
			s.fail(e.Package, e.Package)
		}
		fmt.Fprintf(s.out, "FAIL %s %s\n%s%s", e.Package, took, indent(s.output[e.FailedBuild]), indent(output))
	}
}

func (s *summary) fail(pkg, line string) {
	s.failed++
	s.failuresOf[pkg]++
	s.failures = append(s.failures, line)
}

// close prints the lists and the closing line and returns the exit code.
func (s *summary) close() int {
	// `go test` itself was stopped.
	for _, pkg := range slices.Sorted(maps.Keys(s.running)) {
		s.endPackage(event{Action: "fail", Package: pkg})
	}
	s.slow.print(s.out)
	for _, line := range slices.Sorted(slices.Values(s.skips)) {
		fmt.Fprintln(s.out, "skipped:", line)
	}
	for _, line := range s.failures {
		fmt.Fprintln(s.out, "failed:", line)
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if s.failed > 0 || s.passed == 0 {
		return 1
	}
	return 0
}

func key(e event) string { return strings.TrimSpace(e.Package + " " + e.Test) }

// reason is the last line that a skipped test printed about itself.
func reason(output []string) string {
	text := ""
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			text = line
		}
	}
	return text
}

func indent(output []string) string {
	text := strings.TrimRight(strings.Join(output, ""), "\n")
	if text == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}
