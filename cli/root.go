package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
)

// newRoot is the whole tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "meson",
		Short: "One specfile, every cloud",
		Long: "Meson asks everyone who could provide the machine that a specfile describes, puts\n" +
			"their offers side by side with their prices, and allocates on the best one.",
		Example:       "meson offers web.json\nmeson deploy web.json --cheapest",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			a.ran = true
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(a.env.Stdin)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetHelpFunc(help)
	root.SetHelpCommand(newHelp(root))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(fmt.Sprintf("`%s --help` shows the flags", cmd.CommandPath()), "%v", err)
	})
	root.PersistentFlags().VarP(&formatFlag{&a.format}, "output", "o", "how the result is written: table, json or yaml")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	for _, g := range groups() {
		root.AddGroup(&g.Group)
		for _, build := range g.commands {
			cmd := build(a)
			cmd.GroupID = g.ID
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(newMan(a))
	a.usageHint = "`meson --help` lists the commands"
	return root
}

type group struct {
	cobra.Group
	commands []func(*app) *cobra.Command
}

func groups() []group {
	return []group{
		{cobra.Group{ID: "spec", Title: "Ask and compare"}, []func(*app) *cobra.Command{newOffers, newCheck, newSchema}},
		{cobra.Group{ID: "machine", Title: "Machines"}, []func(*app) *cobra.Command{
			newDeploy, newLs, newShow, newStart, newStop, newReboot, newConsole, newRm, newResume, newEvents,
		}},
		{cobra.Group{ID: "volume", Title: "Volumes"}, []func(*app) *cobra.Command{newVolume, newImage}},
		{cobra.Group{ID: "provider", Title: "Providers"}, []func(*app) *cobra.Command{newProvider, newPlugin, newPrices}},
		{cobra.Group{ID: "other", Title: "Others"}, []func(*app) *cobra.Command{newBackup, newRestore, newVersion, newCompletion}},
	}
}

// unknownCommand names what was meant, where something is close.
func unknownCommand(cmd *cobra.Command, name string) error {
	hint := fmt.Sprintf("`%s --help` lists the commands", cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), strings.Join(near, "` or `"))
	}
	return usagef(hint, "unknown command %q for %q", name, cmd.CommandPath())
}

// parent is a command that only holds others.
func parent(use, short, example string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(fmt.Sprintf("`%s --help` lists the commands", cmd.CommandPath()), "%s: which command?", cmd.CommandPath())
			}
			return unknownCommand(cmd, args[0])
		},
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Annotations: exits(exitOK, exitUsage),
	}
	cmd.AddCommand(children...)
	return cmd
}

// arguments is between least and most arguments (most below 0: any number),
// called by the names that the usage line has.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := fmt.Sprintf("usage: %s", cmd.UseLine())
		switch {
		case len(args) < least:
			return usagef(hint, "%s: an argument is missing", cmd.CommandPath())
		case most >= 0 && len(args) > most:
			return usagef(hint, "%s: %q is one argument too many", cmd.CommandPath(), args[most])
		}
		return nil
	}
}

// formatFlag is -o.
type formatFlag struct{ format *render.Format }

// String is the format's name.
func (f *formatFlag) String() string { return string(*f.format) }

// Type is the flag's value in help texts.
func (f *formatFlag) Type() string { return "FORMAT" }

// Set takes a format's name.
func (f *formatFlag) Set(s string) error {
	switch v := render.Format(s); v {
	case render.Table, render.JSON, render.YAML:
		*f.format = v
		return nil
	}
	return fmt.Errorf("want table, json or yaml")
}
