package api_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

const pluginsEnv = "MESON_API_TEST_PLUGINS"

// The test binary is its own plugins: mem is the in-memory one, cloud the same
// with an inventory that is not live, store and hosts those that serve one half of
// it alone.
func TestMain(m *testing.M) {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), sdk.BinaryPrefix); ok {
		if name == "store" || name == "hosts" {
			os.Exit(half(name))
		}
		plugin := sdktest.Mem()
		plugin.Name, plugin.LiveInventory = name, name == "mem"
		os.Exit(sdk.Main(plugin))
	}
	os.Exit(withPlugins(m.Run))
}

func withPlugins(run func() int) int {
	dir, err := os.MkdirTemp("", "meson-api-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"mem", "cloud", "store", "hosts"} {
		err = copySelf(filepath.Join(dir, sdk.BinaryPrefix+name))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if err := os.Setenv(pluginsEnv, dir); err != nil {
		return 1
	}
	return run()
}

func copySelf(to string) error {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// world is a broker with a real ledger and real plugin processes, whose
// machines outlive them.
type world struct {
	*api.Meson
	t      *testing.T
	ledger ledger.Ledger
	// later is how far the broker's clock is ahead.
	later time.Duration
	// step is asked at every step of the engine; it may panic.
	step func(string)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return worldAt(t, filepath.Join(t.TempDir(), "ledger.db"))
}

// worldAt is a world whose ledger is at a path: another process's of that ledger.
func worldAt(t *testing.T, path string) *world {
	t.Helper()
	w := &world{t: t, step: func(string) {}}
	l, err := ledger.Open(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.ledger = l
	sockets, err := os.MkdirTemp("", "ma") // its path must be short
	if err != nil {
		t.Fatal(err)
	}
	h := host.New(host.Options{
		Finder: host.Finder{Dirs: []string{os.Getenv(pluginsEnv)}}, RuntimeDir: filepath.Join(sockets, "r"), StartTimeout: 20 * time.Second,
		BackoffMin: time.Millisecond, BackoffMax: 10 * time.Millisecond, MaxFailures: 1000,
	})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(sockets)
	})
	w.Meson = api.New(api.Options{
		Ledger: l, Host: h, Patience: 500 * time.Millisecond, Now: func() time.Time { return time.Now().Add(w.later) },
		Market: market.Options{ProviderDeadline: 20 * time.Second}, Step: func(name string) { w.step(name) },
	})
	return w
}

// add configures a provider whose machines are kept in a directory of its own.
// settings are more of its settings, in JSON.
func (w *world) add(name, plugin, settings string) {
	w.t.Helper()
	if err := w.ledger.PutProvider(w.t.Context(), w.config(name, plugin, settings)); err != nil {
		w.t.Fatal(err)
	}
}

// change gives a provider other settings; its machines stay.
func (w *world) change(name, plugin, settings string) {
	w.t.Helper()
	was, err := w.ledger.Provider(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := w.config(name, plugin, settings)
	dir, _, _ := strings.Cut(string(was.Settings), ",")
	_, more, _ := strings.Cut(string(cfg.Settings), ",")
	cfg.Settings = []byte(dir + "," + more)
	if err := w.ledger.UpdateProvider(w.t.Context(), cfg); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) config(name, plugin, settings string) core.ProviderConfig {
	text := fmt.Sprintf(`{"state_dir":%q`, w.t.TempDir())
	if !strings.Contains(settings, `"currency"`) {
		text += `,"currency":"EUR"`
	}
	if settings != "" {
		text += "," + settings
	}
	return core.ProviderConfig{Name: name, Plugin: plugin, Settings: []byte(text + "}")}
}

func pledge() core.Pledge {
	return core.Pledge{
		Slots: 1, AllowSMT: true, Archs: []core.Arch{core.ArchX8664}, MemoryMiB: 512, BootDiskGiB: 10,
		Login: core.Login{Username: "ada", Password: core.NewSecret("hunter2")},
	}
}

func (w *world) deploy(req api.DeployRequest) (core.Allocation, error) {
	w.t.Helper()
	if req.Pledge.Slots == 0 {
		req.Pledge = pledge()
	}
	return w.Deploy(w.t.Context(), req)
}

func (w *world) mustDeploy(req api.DeployRequest) core.Allocation {
	w.t.Helper()
	a, err := w.deploy(req)
	if err != nil {
		w.t.Fatal(err)
	}
	if a.State != core.Running {
		w.t.Fatalf("it is %s", a.State)
	}
	return a
}

func (w *world) offers() api.OffersResult {
	w.t.Helper()
	return w.ask(api.OffersRequest{})
}

func (w *world) ask(req api.OffersRequest) api.OffersResult {
	w.t.Helper()
	req.Pledge = pledge()
	result, err := w.Offers(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

// machines is how many a provider holds.
func (w *world) machines(provider string) int {
	w.t.Helper()
	cfg, err := w.ledger.Provider(w.t.Context(), provider)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := w.Host.Provider(cfg).List(w.t.Context(), w.ledger.ID())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(list)
}

// allocations are all that the ledger has, the final ones too.
func (w *world) allocations() []core.Allocation {
	w.t.Helper()
	list, err := w.ledger.Allocations(w.t.Context(), ledger.Filter{Final: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// killedAt begins a deploy that ends at a step, as at a kill -9: only what is
// committed, or at the provider, remains.
func (w *world) killedAt(step string, req api.DeployRequest) core.Allocation {
	w.t.Helper()
	for {
		a := w.killedOnce(step, req)
		if a.State != core.Running {
			return a
		}
		// What the command took over on the side went on with it, which a kill would
		// have ended too.
		if _, err := w.Remove(w.t.Context(), api.RemoveRequest{Name: a.ID}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) killedOnce(step string, req api.DeployRequest) (a core.Allocation) {
	w.t.Helper()
	w.step = func(name string) {
		if name == step {
			panic(step)
		}
	}
	defer func() {
		w.step = func(string) {}
		if why := recover(); why != step {
			w.t.Fatalf("not killed at %s: %v", step, why)
		}
		a = w.allocations()[0]
	}()
	_, err := w.deploy(req)
	w.t.Errorf("it ended: %v", err)
	return a
}

// refused fails the test unless err has a kind and says a text.
func refused(t *testing.T, err error, kind core.Kind, text string) {
	t.Helper()
	if core.KindOf(err) != kind || !strings.Contains(fmt.Sprint(err), text) {
		t.Errorf("error %v of kind %q: want %q with %q", err, core.KindOf(err), kind, text)
	}
}
