// Command summary reads `go test -json` and prints what a person wants to know:
// a line for each package as it ends, what a failed test printed, which packages
// and tests were slow, why tests were skipped, which failed, and a closing line
// "N passed, N failed, N skipped".
//
// Tests and subtests count one each; a package counts as failed only where none
// of its tests accounts for it: its build, its TestMain, its death. The exit
// code is 1 if anything failed or nothing passed. An interrupt is left to
// `go test`, whose end then closes the summary of what has run.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	signal.Ignore(os.Interrupt)
	os.Exit(run(os.Stdin, os.Stdout))
}

// run returns the exit code. Lines of in that are no JSON are printed as they are.
func run(in io.Reader, out io.Writer) int {
	s := newSummary(out)
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprintln(out, strings.TrimSuffix(line, "\n"))
			} else {
				s.take(e)
			}
		}
		if err != nil {
			break
		}
	}
	return s.close()
}
