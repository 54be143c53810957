package cli_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
)

// realBroker puts the broker that people use in the place of memBroker: a ledger of the
// story's own, and plugins as processes.
func realBroker(s *story, ts *testscript.TestScript, _ []string) {
	path, dir := filepath.Join(ts.MkAbs("."), "state", "ledger.db"), s.plugins
	s.real = true
	s.open = func(ctx context.Context, _ io.Writer) (api.Broker, func(context.Context) error, error) {
		store, err := ledger.Open(ctx, path, ledger.Options{Clock: s.now})
		if err != nil {
			return nil, nil, err
		}
		h := host.New(host.Options{Finder: host.Finder{Dirs: []string{dir}}})
		end := func(ctx context.Context) error { return errors.Join(h.Close(ctx), store.Close()) }
		return api.New(api.Options{Ledger: store, Host: h, Now: s.now}), end, nil
	}
	s.restore = func(ctx context.Context, req api.RestoreRequest, _ io.Writer) (api.RestoreResult, error) {
		return api.Restore(ctx, path, req, nil, s.now)
	}
}

// clock sets the time that it is from now on.
func clock(s *story, ts *testscript.TestScript, args []string) {
	at, err := time.Parse(time.RFC3339, args[0])
	ts.Check(err)
	s.clock = at
}

// take sets a variable to the first group of a pattern in standard output.
func take(s *story, ts *testscript.TestScript, args []string) {
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("no %q in standard output", args[1])
	}
	ts.Setenv(args[0], m[1])
	s.taken = append(s.taken, m[1], args[0])
}

// same compares standard output with a file, but for moments to the second, which
// the file has as TIME, and for what was taken, which it has by its name.
func same(s *story, ts *testscript.TestScript, args []string) {
	out := strings.NewReplacer(s.taken...).Replace(ts.ReadFile("stdout"))
	out = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z`).ReplaceAllString(out, "TIME")
	if diff := cmp.Diff(ts.ReadFile(args[0]), out); diff != "" {
		ts.Fatalf("standard output differs from %s (-want +got):\n%s\n%s", args[0], diff, out)
	}
}
