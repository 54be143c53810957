package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestVolumeStories runs the stories in testdata/script as somebody who has a vault
// and no machines, on its network. "exits N COMMAND ARG..." runs a command whose exit
// code is N. $VAULT is the directory of the vault, $SOCKET the socket of its resident
// part.
func TestVolumeStories(t *testing.T) {
	t.Parallel()
	w := &world{t: t, home: t.TempDir(), lab: labEnv(t, ""), bin: build(t)}
	for name, value := range iscsiEnv(t, w.lab["MESON_LAB_STATE"]) {
		w.lab[name] = value
	}
	w.netns = w.lab["MESON_LAB_ISCSI_NETNS"]
	v := w.vault("vault", nil)
	// In units of 2^30 bytes, for all volumes together.
	w.write("vault/settings.json", `{"max-size": 2}`)
	w.addVault(v)
	// Commands are typed on that network, in pipes too.
	w.write("meson", fmt.Sprintf("#!/bin/sh\nexec nsenter --net=/run/netns/%s %s \"$@\"\n", w.netns, filepath.Join(w.bin, "meson")))
	if err := os.Chmod(filepath.Join(w.home, "meson"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Run("on a vault", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/script",
			RequireUniqueNames:  true,
			RequireExplicitExec: true,
			Setup: func(env *testscript.Env) error {
				env.Vars = append(env.Vars, w.command(t.Context()).Env...)
				env.Vars = append(env.Vars, "PATH="+w.home+":"+os.Getenv("PATH"), "VAULT="+v.dir, "SOCKET="+v.socket)
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		})
	})
	v.empty(t)
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
