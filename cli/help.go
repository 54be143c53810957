package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// exits says which exit codes a command's help lists.
func exits(codes ...int) map[string]string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = strconv.Itoa(c)
	}
	return map[string]string{"exits": strings.Join(words, " ")}
}

// exitCodes are those of exits; with none said, the two that every command has.
func exitCodes(cmd *cobra.Command) []int {
	var codes []int
	for _, w := range strings.Fields(cmd.Annotations["exits"]) {
		if c, err := strconv.Atoi(w); err == nil {
			codes = append(codes, c)
		}
	}
	if codes == nil {
		return []int{exitOK, exitError, exitUsage}
	}
	return codes
}

// help prints a command's help: an example first, then what it does, its usage
// and flags, and its exit codes.
func help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	if cmd.Example != "" {
		fmt.Fprintln(w, "Example:")
		indent(w, "  $ ", cmd.Example)
		fmt.Fprintln(w)
	}
	if cmd.Long != "" {
		fmt.Fprintf(w, "%s\n\n", cmd.Long)
	} else {
		fmt.Fprintf(w, "%s.\n\n", cmd.Short)
	}
	fmt.Fprintf(w, "Usage:\n  %s\n", useLine(cmd))
	helpCommands(w, cmd)
	if f := cmd.LocalNonPersistentFlags(); cmd.HasParent() && f.HasAvailableFlags() {
		fmt.Fprintf(w, "\nFlags:\n%s", f.FlagUsages())
	}
	if f := cmd.InheritedFlags(); f.HasAvailableFlags() {
		fmt.Fprintf(w, "\nFlags of every command:\n%s", f.FlagUsages())
	} else if f := cmd.PersistentFlags(); f.HasAvailableFlags() {
		fmt.Fprintf(w, "\nFlags of every command:\n%s", f.FlagUsages())
	}
	fmt.Fprintf(w, "\nExit codes:\n")
	for _, c := range exitCodes(cmd) {
		fmt.Fprintf(w, "  %3d  %s\n", c, exitText(c))
	}
}

func useLine(cmd *cobra.Command) string {
	switch {
	case cmd.HasAvailableSubCommands() && cmd.Annotations["alone"] != "":
		return cmd.CommandPath() + " [COMMAND]"
	case cmd.HasAvailableSubCommands():
		return cmd.CommandPath() + " COMMAND"
	}
	return cmd.UseLine()
}

func helpCommands(w io.Writer, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	titles := []string{"Commands"}
	ids := []string{""}
	if gs := cmd.Groups(); len(gs) > 0 {
		titles, ids = nil, nil
		for _, g := range gs {
			titles, ids = append(titles, g.Title), append(ids, g.ID)
		}
	}
	for i, id := range ids {
		fmt.Fprintf(w, "\n%s:\n", titles[i])
		for _, c := range cmd.Commands() {
			if c.GroupID == id && c.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-11s %s\n", c.Name(), c.Short)
			}
		}
	}
}

func indent(w io.Writer, prefix, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "%s%s\n", prefix, strings.TrimSuffix(line, "\n"))
	}
}

// newHelp is `meson help COMMAND`, the same as `meson COMMAND --help`.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command", Hidden: true,
		Example: "meson help deploy",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, strings.Join(args, " "))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}
