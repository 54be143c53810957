// Command summary reads `go test -json` and prints what a person wants to know:
// a line for each package, the whole output of what failed, what was skipped and
// why, and a closing line "N passed, N failed, N skipped".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

type summary struct {
	passed, failed, skipped int
	output                  map[string][]string
	skips                   []string
}

func main() {
	os.Exit(run(os.Stdin, os.Stdout))
}

func run(in io.Reader, out io.Writer) int {
	s := summary{output: map[string][]string{}}
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprint(out, line)
			} else {
				s.take(out, e)
			}
		}
		if err != nil {
			break
		}
	}
	slices.Sort(s.skips)
	for _, line := range slices.Compact(s.skips) {
		fmt.Fprintln(out, "skipped:", line)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if s.failed > 0 || s.passed == 0 {
		return 1
	}
	return 0
}

func (s *summary) take(out io.Writer, e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		s.output[key] = append(s.output[key], e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	if e.Test == "" {
		s.closePackage(out, e, key)
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
		s.skips = append(s.skips, e.Package+" "+e.Test+": "+reason(s.output[key]))
	case "fail":
		s.failed++
		fmt.Fprintf(out, "FAIL %s\n%s", key, indent(s.output[key]))
	}
	if e.Action != "fail" {
		delete(s.output, key)
	}
}

func (s *summary) closePackage(out io.Writer, e event, key string) {
	took := time.Duration(e.Elapsed * float64(time.Second)).Round(10 * time.Millisecond)
	if e.Action != "skip" {
		fmt.Fprintf(out, "%-4s %s %s\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, took)
	}
	if e.Action == "fail" {
		// A package that fails outside of a test, such as in its build.
		s.failed++
		fmt.Fprint(out, indent(s.output[key]))
	}
}

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
	return "    " + strings.ReplaceAll(strings.TrimRight(strings.Join(output, ""), "\n"), "\n", "\n    ") + "\n"
}
