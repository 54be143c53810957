package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Exit codes of meson.
const (
	exitNotFound = 3
	exitNoOffer  = 6
)

// bench is one run: copies of the binaries, and a ledger with the provider "lab".
type bench struct {
	dir    string // of the run, removed by bench/run
	env    []string
	pairs  int
	prefix string // begins the name of every machine
	left   []string
	tables []table
}

func open(ctx context.Context, pairs int) (*bench, error) {
	dir, err := environment("MESON_BENCH_DIR")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, pairs: pairs, prefix: fmt.Sprintf("bench%d-", os.Getpid())}
	b.env = b.state("state")
	_, err = b.output(ctx, b.meson("provider", "add", "lab", "--plugin", "kvm", "--config", b.path("provider.json")))
	return b, err
}

// state is the environment of meson with a ledger of that name.
func (b *bench) state(name string) []string {
	return append(os.Environ(), "MESON_STATE_DIR="+b.path(name), "MESON_PLUGIN_PATH="+b.path("bin"), "NO_COLOR=1")
}

func (b *bench) path(name ...string) string {
	return filepath.Join(append([]string{b.dir}, name...)...)
}

// times is how many pairs a measurement makes whose own number is given.
func (b *bench) times(own int) int {
	if b.pairs > 0 {
		return b.pairs
	}
	return own
}

// close removes the machines that are left.
func (b *bench) close() error {
	if len(b.left) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var faults []error
	for _, name := range slices.Clone(b.left) {
		err := b.remove(ctx, name)
		// One that found no room was never made.
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitNotFound {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (b *bench) meson(args ...string) []string {
	return append([]string{b.path("bin", "meson")}, args...)
}

// command prepares a command with this run's ledger.
func (b *bench) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = b.env
	// An interrupted deploy undoes itself.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// timed runs a command and returns how long it took, from before its fork to its end.
func (b *bench) timed(ctx context.Context, args []string) (time.Duration, []byte, error) {
	cmd := b.command(ctx, args)
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	begun := time.Now()
	err := cmd.Run()
	took := time.Since(begun)
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, faults.String())
	}
	return took, out.Bytes(), err
}

func (b *bench) output(ctx context.Context, args []string) ([]byte, error) {
	_, out, err := b.timed(ctx, args)
	return out, err
}

// machine is what is needed of `meson deploy -o json`.
type machine struct {
	Name  string
	Offer struct {
		Zone  string
		Shape string
	}
	Instance struct{ ID string }
}

// deployed makes a machine, and tells how long the command took.
func (b *bench) deployed(ctx context.Context, spec, name string, args ...string) (time.Duration, machine, error) {
	name = b.prefix + name
	b.left = append(b.left, name)
	took, out, err := b.timed(ctx, b.meson(append([]string{"deploy", spec, "--cheapest", "--name", name, "-o", "json"}, args...)...))
	if err != nil {
		return 0, machine{}, err
	}
	var m machine
	if err := json.Unmarshal(out, &m); err != nil || m.Instance.ID == "" || m.Offer.Zone == "" {
		return 0, m, fmt.Errorf("meson deploy -o json has no instance or zone: %w", errors.Join(err, errors.New(string(out))))
	}
	return took, m, nil
}

// remove removes machines by their whole names.
func (b *bench) remove(ctx context.Context, names ...string) error {
	_, err := b.output(ctx, b.meson(append([]string{"rm"}, names...)...))
	if err != nil {
		return err
	}
	kept := b.left[:0]
	for _, name := range b.left {
		if !slices.Contains(names, name) {
			kept = append(kept, name)
		}
	}
	b.left = kept
	return nil
}

// spec writes a specfile and returns its path.
func (b *bench) spec(flavour string, memoryMiB int) (string, error) {
	path := b.path(flavour + ".json")
	text := fmt.Sprintf(`{"slots": 1, "allowSMT": true, "ramsize": %d, "boot_disk_gib": 1, "misc": {"os_family": "linux", "os_flavour": %q}}`, memoryMiB, flavour)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
