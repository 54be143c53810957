package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func testApp(t *testing.T) (*app, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	return newApp(Env{Stdout: &out, Stderr: &out, Stdin: strings.NewReader(""), Getenv: func(string) string { return "" }, Now: time.Now}), &out
}

// TestEveryHelp: each begins with an example of that very command, and lists its
// exit codes, 0 first.
func TestEveryHelp(t *testing.T) {
	a, out := testApp(t)
	seen := 0
	err := eachCommand(newRoot(a), func(cmd *cobra.Command) error {
		seen++
		out.Reset()
		if err := cmd.Help(); err != nil {
			return err
		}
		text := out.String()
		path := cmd.CommandPath()
		if !strings.HasPrefix(text, "Example:\n  $ ") || !strings.Contains(text, path) {
			t.Errorf("%s --help does not begin with an example:\n%s", path, text)
		}
		if !strings.Contains(cmd.Example, path) {
			t.Errorf("the example of %s does not use it: %s", path, cmd.Example)
		}
		_, codes, ok := strings.Cut(text, "\nExit codes:\n")
		if !ok || !strings.HasPrefix(codes, "    0  done\n") {
			t.Errorf("%s --help does not list exit codes:\n%s", path, text)
		}
		for _, c := range exitCodes(cmd) {
			if exitText(c) == "" {
				t.Errorf("%s: nothing says what exit code %d is", path, c)
			}
		}
		for line := range strings.Lines(text) {
			if n := len([]rune(line)); n > 130 {
				t.Errorf("%s --help has a line of %d characters: %s", path, n, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 25 {
		t.Errorf("only %d commands were seen", seen)
	}
}

// TestManPages: every page has its sections, and no line that roff would take
// for a request of the text's own.
func TestManPages(t *testing.T) {
	a, _ := testApp(t)
	_ = eachCommand(newRoot(a), func(cmd *cobra.Command) error {
		page := string(manPage(cmd, "v1"))
		for _, want := range []string{".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH EXIT STATUS\n", ".SH EXAMPLES\n"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q", cmd.CommandPath(), want)
			}
		}
		return nil
	})
	if got := roff(".x\n'y\na-b\\c"); got != "\\&.x\n\\&'y\na\\-b\\ec" {
		t.Errorf("roff escapes to %q", got)
	}
}
