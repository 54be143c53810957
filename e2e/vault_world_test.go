package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// vault is a storage server of a test's own in the lab's fabric: a resident
// meson-plugin-iscsi with what it started, all in that network namespace.
type vault struct {
	w      *world
	name   string // of the provider
	netns  string
	config string
	socket string
	dir    string // of the volumes
	run    string
	cmd    *exec.Cmd
	log    syncBuffer
}

// withVault adds a vault as provider "vault", and the tiny guest's image.
func withVault(t *testing.T, hosts ...string) (*world, *vault) {
	t.Helper()
	return vaultIn(t, labEnv(t, ""), nil, hosts...)
}

// vaultIn is withVault in a lab, with further settings of the vault's.
func vaultIn(t *testing.T, lab map[string]string, more map[string]any, hosts ...string) (*world, *vault) {
	t.Helper()
	w := &world{t: t, home: t.TempDir(), lab: lab}
	for name, value := range iscsiEnv(t, lab["MESON_LAB_STATE"]) {
		w.lab[name] = value
	}
	// The user, too, is on the storage network; of mounts there is one view for all.
	w.netns = w.lab["MESON_LAB_ISCSI_NETNS"]
	v := w.vault("vault", more)
	w.volumeDirs = []string{v.dir}
	w.settle(hosts)
	w.addVault(v)
	return w, v
}

// vault starts a storage server that no provider is of yet.
func (w *world) vault(name string, more map[string]any) *vault {
	w.t.Helper()
	run, err := os.MkdirTemp("/run", "meson-e2e-")
	if err != nil {
		w.t.Fatal(err)
	}
	v := &vault{w: w, name: name, netns: w.netns, dir: filepath.Join(w.home, name), run: run, socket: filepath.Join(run, "s")}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	first, nfs := v.ports()
	w.t.Cleanup(v.clean)
	v.config = filepath.Join(w.home, name+".json")
	settings := map[string]any{
		"path": v.dir, "zone": "fabric", "host_uuid": "none", "address": w.lab["MESON_LAB_ISCSI_ADDRESS"],
		"first_port": first, "last_port": first + 99,
		"nfs_address": fmt.Sprintf("%s:%d", w.lab["MESON_LAB_ISCSI_ADDRESS"], nfs), "nfs_clients": []string{"10.77.0.0/24"},
		"currency": "EUR", "gib_month": "0.05", "runtime_dir": filepath.Join(run, "d"), "reserve_gib": 0,
		"image_sources": []string{w.lab["MESON_LAB_STATE"]},
	}
	maps.Copy(settings, more)
	w.write(name+".json", asJSON(w.t, settings))
	v.start()
	return v
}

func (w *world) addVault(v *vault) {
	w.t.Helper()
	w.must("provider", "add", v.name, "--plugin", "iscsi", "--connect", "unix:"+v.socket, "--set", "currency=EUR", "--set", `gib_month="0.05"`)
}

// another is one more user, with a ledger of their own, of the same vault.
func (v *vault) another(hosts ...string) *world {
	v.w.t.Helper()
	w := &world{t: v.w.t, home: v.w.t.TempDir(), lab: v.w.lab, netns: v.netns}
	w.settle(hosts)
	w.addVault(v)
	return w
}

// ports are a hundred in the fabric that no other test uses, and one more, until the
// test ends. They are below those that the kernel gives to whoever calls.
func (v *vault) ports() (first, nfs int) {
	v.w.t.Helper()
	const slots = 160
	begin := rand.IntN(slots)
	for n := range slots {
		first = 14000 + (begin+n)%slots*110
		lock := flock.New(filepath.Join(v.w.lab["MESON_LAB_ISCSI_RUN_DIR"], fmt.Sprintf("ports-%d", first)))
		mine, err := lock.TryLock()
		if err != nil {
			v.w.t.Fatal(err)
		}
		if mine {
			v.w.t.Cleanup(func() { _ = lock.Unlock() })
			return first, first + 105
		}
	}
	v.w.t.Fatal("all ports are taken")
	return 0, 0
}

// iscsiEnv is what lab/iscsi says; without it the test is skipped, or fails where
// MESON_REQUIRE names iscsi.
func iscsiEnv(t *testing.T, dir string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../lab/iscsi", "start")
	cmd.Env = append(os.Environ(), "MESON_LAB_DIR="+dir)
	out, err := cmd.Output()
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), "iscsi") {
			t.Fatalf("lab/iscsi start: %v", err)
		}
		t.Skipf("no storage server: lab/iscsi start: %v", err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[key] = strings.Trim(value, `"`)
		}
	}
	return env
}

// start runs the resident part and waits until it serves.
func (v *vault) start() {
	v.w.t.Helper()
	// A child that a killed one was just starting may answer there for a moment.
	_ = os.Remove(v.socket)
	v.cmd = exec.Command("nsenter", "--net=/run/netns/"+v.netns, filepath.Join(build(v.w.t), "meson-plugin-iscsi"), "serve", "--config", v.config, "--listen", "unix:"+v.socket)
	v.cmd.Stdout, v.cmd.Stderr = &v.log, &v.log
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := v.cmd.Start(); err != nil {
		v.w.t.Fatal(err)
	}
	for give := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("unix", v.socket); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(give) {
			v.w.t.Fatalf("the vault does not serve:\n%s", v.log.whole())
		}
	}
}

// kill ends the resident part as kill -9 does; its daemons go on.
func (v *vault) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
}

// daemons are the processes that serve bytes of this vault, by command.
func (v *vault) daemons(name string) []int { return processes(name, v.run+"/") }

func kill9(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }

// processes are those of a command whose arguments or environment name something.
func processes(name, names string) (pids []int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		dir := filepath.Dir(path)
		comm, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil || len(comm) < 2 || !strings.HasPrefix(name, strings.TrimSpace(string(comm))) {
			continue
		}
		environ, _ := os.ReadFile(path)
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if bytes.Contains(append(environ, args...), []byte(names)) {
			var pid int
			_, _ = fmt.Sscan(filepath.Base(dir), &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}

func (v *vault) clean() {
	v.kill()
	for _, name := range []string{"tgtd", "qemu-storage-daemon", "ganesha.nfsd"} {
		for _, pid := range v.daemons(name) {
			kill9(pid)
		}
	}
	mounts, _ := os.ReadFile("/proc/mounts")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && (strings.HasPrefix(f[1], v.run+"/") || strings.HasPrefix(f[1], v.dir+"/")) {
			_ = syscall.Unmount(f[1], syscall.MNT_DETACH)
		}
	}
	_ = os.RemoveAll(v.run)
	if v.w.t.Failed() {
		v.w.t.Logf("the vault said:\n%s", v.log.whole())
	}
}

// folders are the volumes that the vault holds on disk, whole or not.
func (v *vault) folders() []string {
	all, err := os.ReadDir(v.dir)
	if err != nil {
		v.w.t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		if e.IsDir() && strings.HasSuffix(e.Name(), ".elimg") {
			out = append(out, e.Name())
		}
	}
	return out
}

// volume is what `meson volume ls -o json` says.
type volume struct {
	VID, Name, State, Format string

	SizeBytes int64 `json:"size_bytes"`
	Epoch     uint64
	Uses      []struct {
		Attachment, Allocation, Kind string
		Writable                     bool
	}
}

func (w *world) volumeList() []volume {
	w.t.Helper()
	var all []volume
	if err := json.Unmarshal([]byte(w.must("volume", "ls", "-o", "json")), &all); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// volumeNamed is one by its name, nil if there is none.
func (w *world) volumeNamed(name string) *volume {
	w.t.Helper()
	for _, v := range w.volumeList() {
		if v.Name == name {
			return &v
		}
	}
	return nil
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
