// Command bench measures Meson beside its peers in one run, and prints a table.
// It is started by bench/run, which says how.
//
// What is compared is interleaved, so that a machine that is busy meanwhile slows
// both; medians are reported, differences and ratios are of pairs.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == measureArg {
		os.Exit(measureChild(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == streamArg {
		if err := streamed(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// part is one of the measurements that can be asked for by name.
type part struct {
	name    string
	measure func(*bench, context.Context) ([]row, error)
	// named means only when it is: it takes long.
	named bool
}

func parts() []part {
	return []part{
		{name: "deploy", measure: (*bench).deploy},
		{name: "start", measure: (*bench).start},
		{name: "offers", measure: (*bench).offers},
		{name: "call", measure: (*bench).call},
		{name: "boot", measure: (*bench).boot},
		{name: "memory", measure: (*bench).memory},
		{name: "rank", measure: (*bench).rank},
		{name: "volumes", measure: (*bench).volumes},
		{name: "exports", measure: (*bench).exports, named: true},
	}
}

func run(ctx context.Context) error {
	write := flag.Bool("w", false, "write bench/RESULTS.md as well")
	pairs := flag.Int("n", 0, "how many pairs, instead of each measurement's own number")
	flag.Parse()
	asked := flag.Args()
	for _, name := range asked {
		if !slices.ContainsFunc(parts(), func(p part) bool { return p.name == name }) {
			return fmt.Errorf("no measurement is called %q", name)
		}
	}
	b, err := open(ctx, *pairs)
	if err != nil {
		return err
	}
	report := newReport()
	var faults []error
	for _, p := range parts() {
		wanted := slices.Contains(asked, p.name) || len(asked) == 0 && !p.named
		if !wanted || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", p.name)
		rows, err := p.measure(b, ctx)
		report.rows = append(report.rows, rows...)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	faults = append(faults, b.close())
	report.tables = b.tables
	text := report.markdown()
	fmt.Print(text)
	if *write && errors.Join(faults...) == nil {
		faults = append(faults, os.WriteFile("bench/RESULTS.md", []byte("# Figures of `make bench`\n\n"+text), 0o644))
	}
	return cmp.Or(ctx.Err(), errors.Join(faults...))
}

// environment is the value of a variable that bench/run sets.
func environment(name string) (string, error) {
	value := os.Getenv(name)
	if value == "" {
		return "", fmt.Errorf("%s is not set; start bench/run, with the lab up", strings.TrimSpace(name))
	}
	return value, nil
}
