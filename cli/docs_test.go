package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mesoncloud/meson/cli/render"
)

// The page of the command line tells of every command, flag, exit code and the
// rule of rounding, and of no command or flag that is not there.
func TestDocs(t *testing.T) {
	const name = "../docs/cli.md"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	a, _ := testApp(t)
	flags := map[string]bool{}
	root := newRoot(a)
	visit := func(cmd *cobra.Command) error {
		if cmd.HasParent() && !strings.Contains(page, "`"+cmd.CommandPath()) {
			t.Errorf("%s does not tell of `%s`", name, cmd.CommandPath())
		}
		cmd.Flags().AddFlagSet(cmd.PersistentFlags())
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			flags[f.Name] = true
			if f.Name != "help" && !strings.Contains(page, "--"+f.Name) {
				t.Errorf("%s does not tell of --%s of `%s`", name, f.Name, cmd.CommandPath())
			}
		})
		return nil
	}
	if err := eachCommand(root, visit); err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{
		exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitUndone, exitGoing, exitInterrupted,
	} {
		if row := fmt.Sprintf("\n| %d | %s |\n", code, exitText(code)); !strings.Contains(page, row) {
			t.Errorf("%s has no row %q", name, row)
		}
	}
	if !strings.Contains(strings.Join(strings.Fields(page), " "), strings.Join(strings.Fields(render.RoundingRule), " ")) {
		t.Errorf("%s does not state the rule of rounding as the help does", name)
	}
	for _, word := range strings.FieldsFunc(page, func(r rune) bool { return r == ' ' || r == '\n' || r == '`' || r == ',' || r == ')' || r == ';' }) {
		flag, ok := strings.CutPrefix(word, "--")
		if ok && flag != "" && flag != "help" && !strings.ContainsAny(flag, "-=|") && !flags[flag] {
			t.Errorf("%s tells of --%s, which no command has", name, flag)
		}
	}
	words := strings.Fields(strings.ReplaceAll(page, "`", " "))
	for i, word := range words[:len(words)-1] {
		next := strings.Trim(words[i+1], ",.;:")
		if word != "meson" || strings.ContainsFunc(next, func(r rune) bool { return r < 'a' || r > 'z' }) || next == "is" || next == "alone" {
			continue
		}
		if cmd, _, err := root.Find([]string{next}); err != nil || cmd == root {
			t.Errorf("%s tells of `meson %s`, which is no command", name, next)
		}
	}
}

// Every command in a transcript of a page is one that this command line takes.
func TestDocsCommands(t *testing.T) {
	seen := 0
	for _, glob := range []string{"../*.md", "../docs/*.md", "../plugins/*/README.md"} {
		names, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(strings.ReplaceAll(string(data), " \\\n", " ")) {
				prompt, command, ok := strings.Cut(line, "meson ")
				if !ok || !strings.HasPrefix(strings.TrimSpace(prompt), "$") || strings.Contains(prompt, "#") {
					continue
				}
				seen++
				if err := takes(t, command); err != nil {
					t.Errorf("%s: %s: %v", name, strings.TrimSpace(line), err)
				}
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d commands found", seen)
	}
}

// takes is nil if the words of a line up to the shell's next command are a
// command with flags and arguments that it has.
func takes(t *testing.T, line string) error {
	t.Helper()
	line, _, _ = strings.Cut(line, "  ") // a comment, or nothing
	if i := strings.IndexAny(line, "|)<>;&#\n"); i >= 0 {
		line = line[:i]
	}
	a, _ := testApp(t)
	root := newRoot(a)
	cmd, rest, err := root.Find(strings.Fields(line))
	if err != nil || cmd == root {
		return fmt.Errorf("no such command: %v", err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if cmd.Args == nil {
		return nil
	}
	return cmd.Args(cmd, cmd.Flags().Args())
}
