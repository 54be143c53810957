package host

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
)

// The test binary is its own plugins: started by a name meson-plugin-NAME it
// behaves as that one of helpers does. Started with roleEnv it is a host.
const (
	roleEnv = "MESON_HOST_TEST_ROLE"
	dirEnv  = "MESON_HOST_TEST_DIR"
)

func TestMain(m *testing.M) {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), sdk.BinaryPrefix); ok {
		helpers()[name]()
		os.Exit(0)
	}
	if role := os.Getenv(roleEnv); role != "" {
		roles()[role]()
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "meson-host-test-")
	if err == nil {
		err = install(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.Setenv(dirEnv, dir)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// install puts a copy of the test binary, under every helper's name, into dir.
func install(dir string) error {
	real := filepath.Join(dir, "real")
	if err := copyFile(real, "/proc/self/exe"); err != nil {
		return err
	}
	for name := range helpers() {
		if err := os.Symlink("real", filepath.Join(dir, sdk.BinaryPrefix+name)); err != nil {
			return err
		}
	}
	const commands = "github.com/mesoncloud/meson/sdk/sdktest/cmd/"
	build := exec.Command("go", "build", "-o", dir+"/", commands+"meson-plugin-mem", commands+"meson-plugin-faulty")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}

func pluginDir() string { return os.Getenv(dirEnv) }

// newHost is a host over the helpers that leaves nothing behind: that is checked
// at the end of every test that uses it.
func newHost(t testing.TB, change ...func(*Options)) *Host {
	t.Helper()
	o := Options{Finder: Finder{Dirs: []string{pluginDir()}}, RuntimeDir: shortDir(t), StartTimeout: 20 * time.Second}
	for _, c := range change {
		c(&o)
	}
	h := New(o)
	t.Cleanup(func() {
		begun := time.Now()
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("Close took %s: want at most 3s", took)
		}
		if _, err := os.Lstat(o.RuntimeDir); err == nil {
			left, _ := filepath.Glob(filepath.Join(o.RuntimeDir, "*", "*"))
			t.Errorf("the runtime directory was left, with %v", left)
		}
	})
	return h
}

// shortDir is a directory whose path leaves room for sockets, which t.TempDir's
// may not.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "mh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "r")
}

// provider is the provider of a rogue plugin whose name says how it behaves.
func provider(h *Host, plugin, name string) *Provider {
	return h.Provider(core.ProviderConfig{Name: name, Plugin: plugin, Settings: []byte(`{}`)})
}

// ask is the text of a rogue plugin's check item.
func ask(t testing.TB, p *Provider) string {
	t.Helper()
	items, err := p.Check(t.Context())
	if err != nil {
		t.Fatalf("check %s: %v", p.Name(), err)
	}
	return items[0].Text
}

// pid is the id of the plugin's process.
func pid(t testing.TB, h *Host, plugin string) int {
	t.Helper()
	n, err := strconv.Atoi(ask(t, provider(h, plugin, "pid")))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// alive reports whether a process runs, zombies not counted.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// stop stops a process and returns when none of its threads runs any more: until
// then it may still answer.
func stop(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "every thread is stopped", func() bool {
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, file := range stats {
			stat, err := os.ReadFile(file)
			if err != nil {
				return false
			}
			if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
				return false
			}
		}
		return len(stats) > 0
	})
}

func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// naive is a plugin as go-plugin starts it when it is left to itself: the
// undefended variant of the hazards.
func naive(name string, change ...func(*goplugin.ClientConfig)) *goplugin.Client {
	config := &goplugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: map[int]goplugin.PluginSet{sdk.ProtocolVersion: {sdk.PluginSet: connPlugin{}}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Cmd:              exec.Command(filepath.Join(pluginDir(), sdk.BinaryPrefix+name)),
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
	}
	for _, c := range change {
		c(config)
	}
	return goplugin.NewClient(config)
}

// naiveConn starts it; it is killed, hard, at the end of the test.
func naiveConn(t *testing.T, client *goplugin.Client) *grpc.ClientConn {
	t.Helper()
	conn, err := connect(client)
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(client.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(id, syscall.SIGKILL)
		client.Kill()
	})
	return conn
}

// roles are what the test binary does as a host of its own.
func roles() map[string]func() {
	return map[string]func(){
		"host": func() {
			h := New(Options{Finder: Finder{Dirs: []string{pluginDir()}}, RuntimeDir: os.Getenv("MESON_HOST_TEST_RUNTIME")})
			for _, plugin := range []string{"rogue", "orphan"} {
				items, err := provider(h, plugin, "pid").Check(context.Background())
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println(items[0].Text)
			}
			if _, err := h.Plugin(context.Background(), "mem"); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println(childCalled("meson-plugin-me"))
			time.Sleep(time.Hour)
		},
		"naive-logs": func() {
			client := naive("noisy", func(c *goplugin.ClientConfig) {
				c.Logger = hclog.New(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Trace})
			})
			if _, err := connect(client); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			time.Sleep(2 * time.Second)
			client.Kill()
		},
	}
}

// childCalled is the id of the child of this process that has the name.
func childCalled(comm string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, _ := os.ReadFile(path)
		var id, parent int
		var state string
		front, back, _ := strings.Cut(string(stat), ") ")
		_, _ = fmt.Sscan(front, &id)
		_, _ = fmt.Sscan(back, &state, &parent)
		if parent == os.Getpid() && strings.HasSuffix(front, "("+comm) {
			return id
		}
	}
	return 0
}

// records collects what is logged.
type records struct {
	slog.Handler
	lines chan string
}

func newRecords() (*records, *slog.Logger) {
	r := &records{lines: make(chan string, 100_000)}
	r.Handler = slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})
	return r, slog.New(r.Handler)
}

// Write takes one line.
func (r *records) Write(p []byte) (int, error) {
	select {
	case r.lines <- string(p):
	default:
	}
	return len(p), nil
}

// all is what was logged until now.
func (r *records) all() []string {
	var lines []string
	for {
		select {
		case line := <-r.lines:
			lines = append(lines, line)
		default:
			return lines
		}
	}
}

// waitFor waits for a line that contains all of the words.
func (r *records) waitFor(t testing.TB, within time.Duration, words ...string) string {
	t.Helper()
	var seen []string
	timeout := time.After(within)
	for {
		select {
		case line := <-r.lines:
			seen = append(seen, line)
			found := true
			for _, w := range words {
				found = found && strings.Contains(line, w)
			}
			if found {
				return line
			}
		case <-timeout:
			t.Fatalf("no log line with %q within %s among %d:\n%.2000s", words, within, len(seen), strings.Join(seen, ""))
		}
	}
}

// serve runs a plugin as a resident one until the end of the test.
func serve(t *testing.T, binary, socket string) {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--listen", "unix:"+socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, 5*time.Second, "it listens", func() bool { _, err := os.Stat(socket); return err == nil })
}
