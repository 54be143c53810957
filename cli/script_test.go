package cli_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mesoncloud/meson/cli"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

var update = flag.Bool("update", false, "write the golden parts of the scripts anew")

// TestScripts runs the stories in testdata/script against Main, in this process.
// Their commands:
//
//	meson ARG...         runs it; exit code 0
//	exits N ARG...       runs it; exit code N
//	tty, notty           terminals from now on, or none
//	type TEXT            what the next command reads from standard input
//	fault OP KIND [SCOPE]  the operation fails from now on; kind none ends it
//	hang OP HOW          the operation waits for its context, or "stubborn"ly
//	interrupt OP N       the next command gets N interrupts, each at or after OP
//	providers none|found no provider is configured; something can be found
//	warn TEXT            the broker logs a line in every deploy from now on
//	evil                 providers say what could take a terminal over
//	opened N             the broker has been opened N times
//	mapper HOW [TEXT]    mapping fails TEXT, has its files open TEXT, is none, is
//	                     gone, or is well again
//	real                 a real broker, with meson-plugin-mem, from now on
//	clock TIME           it is this time
//	take NAME PATTERN    a variable from standard output
//	same FILE            standard output is the file's, but for moments and what was taken
func TestScripts(t *testing.T) {
	dir, err := filepath.Abs("testdata/script")
	if err != nil {
		t.Fatal(err)
	}
	plugins := filepath.Dir(sdktest.BuildPlugin(t, "mem"))
	t.Chdir(".") // and back again: the stories share the process's directory
	testscript.RunT(oneByOne{t}, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s := &story{broker: newMemBroker(), clock: now(), plugins: plugins, mapper: &memMapper{file: filepath.Join(env.WorkDir, ".maps")}}
			s.open = s.openMem
			env.Values[storyKey{}] = s
			env.Defer(func() { close(s.broker.released) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"meson":     storyCmd(func(s *story, ts *testscript.TestScript, args []string) { s.run(ts, 0, args) }),
			"exits":     storyCmd(exits),
			"tty":       storyCmd(func(s *story, _ *testscript.TestScript, _ []string) { s.terminal = true }),
			"notty":     storyCmd(func(s *story, _ *testscript.TestScript, _ []string) { s.terminal = false }),
			"type":      storyCmd(typeText),
			"fault":     storyCmd(fault),
			"hang":      storyCmd(func(s *story, _ *testscript.TestScript, args []string) { s.broker.hangs[args[0]] = args[1] }),
			"interrupt": storyCmd(interrupt),
			"providers": storyCmd(providers),
			"warn":      storyCmd(func(s *story, _ *testscript.TestScript, args []string) { s.broker.warning = args[0] }),
			"evil":      storyCmd(func(s *story, _ *testscript.TestScript, _ []string) { s.broker.evil = "\x1b[2J\u009b2J\u202egpj\nfake" }),
			"opened":    storyCmd(opened),

			"mapper": storyCmd(func(s *story, ts *testscript.TestScript, args []string) { ts.Check(s.mapper.ails(args)) }),

			"real":  storyCmd(realBroker),
			"clock": storyCmd(clock),
			"take":  storyCmd(take),
			"same":  storyCmd(same),
		},
	})
}

// oneByOne keeps scripts from running at the same time.
type oneByOne struct{ *testing.T }

func (oneByOne) Parallel()     {}
func (oneByOne) Verbose() bool { return testing.Verbose() }
func (t oneByOne) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(oneByOne{t}) })
}

type storyKey struct{}

// gate is a writer that takes nothing any more once it is shut, as the streams
// of a process that has ended.
type gate struct {
	mu   sync.Mutex
	w    io.Writer
	shut bool
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return 0, io.ErrClosedPipe
	}
	return g.w.Write(p)
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

type story struct {
	broker   *memBroker
	terminal bool
	stdin    string
	waitFor  string
	signals  int
	mapper   *memMapper

	// clock is the time, which moves on by a second with each command to a
	// real broker.
	clock   time.Time
	open    func(context.Context, io.Writer) (api.Broker, func(context.Context) error, error)
	restore func(context.Context, api.RestoreRequest, io.Writer) (api.RestoreResult, error)
	plugins string // where meson-plugin-mem is
	real    bool
	// taken are values, each before its name.
	taken []string
}

func (s *story) now() time.Time { return s.clock }

func (s *story) openMem(_ context.Context, logs io.Writer) (api.Broker, func(context.Context) error, error) {
	s.broker.opened++
	s.broker.logs = logs
	return s.broker, func(context.Context) error { return nil }, nil
}

func storyCmd(run func(*story, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("say which exit code: exits N ARG...")
		}
		run(ts.Value(storyKey{}).(*story), ts, args)
	}
}

// input is standard input; one that is "silent" never comes, nor ends.
func (s *story) input() io.Reader {
	if s.stdin == "silent" {
		r, _ := io.Pipe()
		return r
	}
	return strings.NewReader(s.stdin)
}

func (s *story) run(ts *testscript.TestScript, want int, args []string) {
	ts.Check(os.Chdir(ts.MkAbs(".")))
	for len(s.broker.entered) > 0 {
		<-s.broker.entered // what the last command did is no news to this one
	}
	interrupts := make(chan os.Signal)
	done := make(chan struct{})
	var signals sync.WaitGroup
	signals.Go(func() { s.interrupt(interrupts, done) })
	stdout, stderr := &gate{w: ts.Stdout()}, &gate{w: ts.Stderr()}
	code := cli.Main(context.Background(), args, cli.Env{
		Stdin: s.input(), Stdout: stdout, Stderr: stderr,
		Terminal: cli.Terminal{Stdin: s.terminal, Stdout: s.terminal, Stderr: s.terminal},
		Getenv:   ts.Getenv, Version: "v1.2.3", Protocol: 1, Now: s.now, Interrupts: interrupts, Open: s.open, Restore: s.restore,
		Mapper: func() (cli.Mapper, error) { return s.mapper, nil },
	})
	close(done)
	signals.Wait()
	stdout.close()
	stderr.close()
	s.stdin, s.waitFor, s.signals = "", "", 0
	if s.real {
		s.clock = s.clock.Add(time.Second)
	}
	if code != want {
		ts.Fatalf("meson %s: exit code %d, want %d", strings.Join(args, " "), code, want)
	}
}

// interrupt delivers the signals that were ordered, once the operation has begun.
func (s *story) interrupt(to chan<- os.Signal, done <-chan struct{}) {
	for {
		select {
		case op := <-s.broker.entered:
			for ; op == s.waitFor && s.signals > 0; s.signals-- {
				select {
				case to <- syscall.SIGINT:
				case <-done:
					return
				}
			}
		case <-done:
			return
		}
	}
}

func exits(s *story, ts *testscript.TestScript, args []string) {
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	s.run(ts, code, args[1:])
}

func typeText(s *story, ts *testscript.TestScript, args []string) {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[0], `"`, `\"`) + `"`)
	ts.Check(err)
	s.stdin = text
}

func fault(s *story, _ *testscript.TestScript, args []string) {
	if args[1] == "none" {
		delete(s.broker.faults, args[0])
		return
	}
	e := core.Errorf(core.Kind(args[1]), "the %s fails%s", args[0], s.broker.evil)
	if len(args) > 2 {
		e.Scope = core.Scope(args[2])
	}
	s.broker.faults[args[0]] = e
}

func interrupt(s *story, ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	s.waitFor, s.signals = args[0], n
}

func providers(s *story, _ *testscript.TestScript, args []string) {
	s.broker.providers = nil
	if args[0] == "found" {
		s.broker.found = []core.Discovery{{Plugin: "mem", SuggestedName: "rack1", Settings: []byte(`{"name":"it's","hosts":[{"uri":"mem:///"}]}`), Text: "a local memory"}}
	}
}

func opened(s *story, ts *testscript.TestScript, args []string) {
	if got := fmt.Sprint(s.broker.opened); got != args[0] {
		ts.Fatalf("the broker was opened %s times, want %s", got, args[0])
	}
}
