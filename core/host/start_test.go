package host

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

// A plugin that does not start says how it failed, in time, in words that can be
// printed; nothing of it is left.
func TestPluginThatDoesNotStart(t *testing.T) {
	for _, test := range []struct {
		plugin string
		kind   core.Kind
		want   []string
	}{
		{"silent", core.Unavailable, []string{"no handshake", "not within 2s", "in state S"}},
		{"garbage", core.Unavailable, []string{"begins with", "Loading configuration"}},
		{"endless", core.Unavailable, []string{"begins with", "xxxx"}},
		{"panics", core.Unavailable, []string{"exit status 7", "panic: no rack today"}},
		{"elsewhere", core.Unavailable, []string{"listens at tcp", "127.0.0.1:25"}},
		{"armoured", core.Unavailable, []string{"wants TLS"}},
		{"stranger", core.Unavailable, []string{"listens at its socket, which is none of its own"}},
		{"impostor", core.Unavailable, []string{`says that it is plugin "kvm"`}},
		{"nowhere", core.NotFound, []string{"no meson-plugin-nowhere in", PathEnv}},
		{"No Name", core.Invalid, []string{"[a-z][a-z0-9-]{0,30}"}},
	} {
		t.Run(test.plugin, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, func(o *Options) { o.StartTimeout = 2 * time.Second })
			begun := time.Now()
			_, err := h.Plugin(t.Context(), test.plugin)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if core.KindOf(err) != test.kind {
				t.Errorf("kind %s: want %s", core.KindOf(err), test.kind)
			}
			text := fmt.Sprint(err)
			if e, ok := err.(*core.Error); ok {
				text += " " + e.Hint
			}
			for _, w := range test.want {
				if !strings.Contains(text, w) {
					t.Errorf("%q does not say %q", text, w)
				}
			}
			if strings.ContainsRune(text, 0x1b) {
				t.Errorf("%q holds an escape", text)
			}
		})
	}
}

// Plugins start beside each other: three of which each waits for the others to
// be there all come as far as their end. One plugin that is needed by many at
// once is started once.
func TestPluginsStartInParallelAndOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two", "three"} {
		script(t, filepath.Join(dir, "meson-plugin-"+name), fmt.Sprintf(
			"cd %s; touch at-%s; until test -e at-one && test -e at-two && test -e at-three; do sleep 0.05; done; exit 3", dir, name))
	}
	h := newHost(t, func(o *Options) { o.Finder.Dirs, o.StartTimeout = []string{dir, pluginDir()}, time.Minute })
	var starts sync.WaitGroup
	for range 4 {
		for _, name := range []string{"one", "two", "three"} {
			starts.Go(func() {
				if _, err := h.Plugin(t.Context(), name); !strings.Contains(fmt.Sprint(err), "exit status 3") {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
	starts.Wait()

	var pids [8]int
	for i := range pids {
		starts.Go(func() { pids[i] = pid(t, h, "rogue") })
	}
	starts.Wait()
	for _, id := range pids {
		if id != pids[0] {
			t.Fatalf("processes %v: want one", pids)
		}
	}
}

// A process that was ended before it came to be started never runs: who ended it
// does not look again.
func TestProcessEndedBeforeItsStart(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	p := newProcess("x", exec.Command("/bin/sh", "-c", "touch "+mark), newLogs(slog.New(slog.DiscardHandler), 1))
	if p.kill() {
		t.Error("there is nothing to wait for yet")
	}
	if err := p.Start(t.Context()); err == nil {
		<-p.exited
		t.Error("it was started")
	}
	if _, err := os.Stat(mark); err == nil || p.ID() != "" {
		t.Errorf("it ran: %v, id %q", err, p.ID())
	}
}

// Whoever gives up waiting for a start does not end it for the others.
func TestStartOutlivesTheCallThatBeganIt(t *testing.T) {
	h := newHost(t)
	impatient, cancel := contextWithTimeout(t, 50*time.Millisecond)
	defer cancel()
	if _, err := h.Plugin(impatient, "slow"); core.KindOf(err) != core.Unavailable {
		t.Errorf("%v: want Unavailable at the deadline", err)
	}
	begun := time.Now()
	if _, err := h.Plugin(t.Context(), "slow"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 1500*time.Millisecond {
		t.Errorf("the start was begun again: %s more", took)
	}
}

// A script can be a plugin: it is run as it was checked, although its
// interpreter opens it anew.
func TestScriptIsRun(t *testing.T) {
	dir := t.TempDir()
	script(t, filepath.Join(dir, "meson-plugin-script"), `exec "`+filepath.Join(pluginDir(), "meson-plugin-second")+`" "$@"`)
	h := newHost(t, func(o *Options) { o.Finder.Dirs = []string{dir} })
	_, err := h.Plugin(t.Context(), "script")
	if !strings.Contains(fmt.Sprint(err), `says that it is plugin "second"`) {
		t.Errorf("%v: want it to have been run", err)
	}
}

// The process is called what the plugin is called, where people look for it.
func TestProcessHasThePluginsName(t *testing.T) {
	h := newHost(t)
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid(t, h, "rogue")))
	if err != nil || strings.TrimSpace(string(comm)) != "meson-plugin-ro" {
		t.Errorf("the process is called %q, %v", comm, err)
	}
	if argv := ask(t, provider(h, "rogue", "argv")); argv != filepath.Join(pluginDir(), "meson-plugin-rogue") {
		t.Errorf("its arguments are %q: want its path alone", argv)
	}
}

// Sockets are where nobody else can reach them, and their paths are short enough
// wherever the host is told to put them.
func TestRuntimeDirectory(t *testing.T) {
	base := shortDir(t)
	h := newHost(t, func(o *Options) { o.RuntimeDir = base })
	pid(t, h, "rogue")
	sockets, _ := filepath.Glob(base + "/h*/*/*/*")
	if len(sockets) != 1 || len(sockets[0]) > 107 {
		t.Fatalf("sockets %v: want one of at most 107 bytes", sockets)
	}
	for dir := filepath.Dir(sockets[0]); dir != filepath.Dir(base); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v: want 0700", dir, info.Mode(), err)
		}
	}

	long := New(Options{Finder: Finder{Dirs: []string{pluginDir()}}, RuntimeDir: filepath.Join(t.TempDir(), strings.Repeat("x", 80))})
	defer long.Close(t.Context())
	if _, err := long.Plugin(t.Context(), "rogue"); !strings.Contains(fmt.Sprint(err), "too long for sockets") {
		t.Errorf("%v: want it to say that the directory is too long", err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, _, err := makeLocked(open); err == nil {
		t.Error("a directory that everybody may write was used")
	}
}
