package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "meson-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("MESON_E2E_BIN", dir); err != nil {
		return 1
	}
	return m.Run()
}

// build is the directory with the binaries, built at first use.
func build(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MESON_E2E_BIN")
	lock := flock.New(filepath.Join(dir, "lock")) // tests run side by side
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if _, err := os.Stat(filepath.Join(dir, "meson")); err == nil {
		return dir
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "./cmd/...", "../plugins/iscsi/cmd/meson-plugin-iscsi")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	return dir
}

// world is one user with a ledger of their own on the lab's hosts.
type world struct {
	t    *testing.T
	bin  string
	home string
	lab  map[string]string
	spec string
	// reserve is how many cores of every host are not given away.
	reserve int
	// volumeDirs are the directories of the hosts that files of volumes may be below.
	volumeDirs []string
	// netns is the network namespace that this user sits in, if it is another one.
	netns string
	// others are domains that were seen to be of others; that does not change.
	others map[string]bool
}

// bootSpec is a guest without an operating system, on a thread of its own that
// ten may share.
const bootSpec = `{"slots":1,"allowSMT":true,"overprovision":10,"ramsize":32,"boot_disk_gib":1,"misc":{"os_family":"linux","os_flavour":"bootsector"}}`

// allocation is what `meson ls -o json` says.
type allocation struct {
	ID, Name, State string
	Instance        *struct{ ID string }
}

// newWorld is a user on the given hosts. Every host shares a core of its own by
// 10, and the first host is the cheapest.
func newWorld(t *testing.T, hosts ...string) *world {
	t.Helper()
	w := &world{t: t, home: t.TempDir(), lab: labEnv(t, "")}
	return w.settle(hosts)
}

func (w *world) settle(hosts []string) *world {
	w.t.Helper()
	w.bin, w.others = build(w.t), map[string]bool{}
	w.spec = filepath.Join(w.home, "spec.json")
	w.write("spec.json", bootSpec)
	w.write("provider.json", w.provider(hosts))
	w.t.Cleanup(func() {
		for _, what := range w.sweep() {
			w.t.Error(what)
		}
	})
	w.must("provider", "add", "lab", "--plugin", "kvm", "--config", filepath.Join(w.home, "provider.json"))
	return w
}

func (w *world) provider(hosts []string) string {
	type obj = map[string]any
	var groups []obj
	for i, h := range hosts {
		groups = append(groups, obj{
			"name": "g" + fmt.Sprint(i), "core_hour": fmt.Sprintf("0.0%d", i+1), "gib_hour": "0.001",
			"hosts": []obj{{"name": h, "uri": w.lab["MESON_LAB_"+strings.ToUpper(h)+"_URI"], "reserve_cores": w.reserve}},
		})
	}
	text, err := json.Marshal(obj{
		"currency": "EUR", "disk_gib_month": "0.05", "accelerator": "tcg", "pool": "meson", "groups": groups,
		"volume_dirs": append([]string{}, w.volumeDirs...),
		"images": []obj{{
			"os_family": "linux", "os_flavour": "bootsector", "format": "raw",
			"file": w.lab["MESON_LAB_BOOTSECTOR_IMAGE"], "sha256": w.lab["MESON_LAB_BOOTSECTOR_SHA256"],
		}, {
			"os_family": "linux", "os_flavour": "tiny", "user": "root",
			"file": w.lab["MESON_LAB_GUEST_IMAGE"], "sha256": w.lab["MESON_LAB_GUEST_SHA256"],
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// labEnv is what the lab says of itself. Without it the test is skipped, or
// fails where MESON_REQUIRE names kvm.
func labEnv(t *testing.T, dir string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, script := range []string{"kvm", "guest"} {
		cmd := exec.CommandContext(t.Context(), "../lab/"+script, "env")
		cmd.Env = os.Environ()
		if dir != "" && script == "kvm" {
			cmd.Env = append(cmd.Env, "MESON_LAB_DIR="+dir)
		}
		out, err := cmd.Output()
		if err != nil {
			if slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), "kvm") {
				t.Fatalf("lab/%s env: %v", script, err)
			}
			t.Skipf("no lab: lab/%s env: %v; make lab starts it", script, err)
		}
		for line := range strings.Lines(string(out)) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				env[key] = strings.Trim(value, `"`)
			}
		}
	}
	return env
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.home, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// order tells the broker or the plugin to die at its n-th step.
func (w *world) order(who string, n int) { w.write(who+".kill", fmt.Sprint(n)) }

// pending reports whether an order was not carried out, and withdraws it.
func (w *world) pending(who string) bool {
	return os.Remove(filepath.Join(w.home, who+".kill")) == nil
}

func (w *world) list() []allocation {
	w.t.Helper()
	var all []allocation
	if err := json.Unmarshal([]byte(w.must("ls", "--all", "-o", "json")), &all); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) virsh(host string, args ...string) string {
	w.t.Helper()
	out, err := w.tryVirsh(host, args...)
	if err != nil {
		w.t.Fatalf("virsh %v on %s: %v", args, host, err)
	}
	return out
}

func (w *world) tryVirsh(host string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "virsh", append([]string{"-q", "-c", w.lab["MESON_LAB_"+strings.ToUpper(host)+"_URI"]}, args...)...).Output()
	return string(out), err
}
