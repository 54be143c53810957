package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// labTool is lab/kvm in a lab.
func labTool(t *testing.T, lab map[string]string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../lab/kvm", args...)
	cmd.Env = append(os.Environ(), "MESON_LAB_DIR="+lab["MESON_LAB_STATE"])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("lab/kvm %v: %v\n%s", args, err, out)
	}
}

// fall ends the vault as kill -9 of all of it does: the resident part, and what serves
// the bytes.
func (v *vault) fall() {
	v.kill()
	for _, name := range []string{"tgtd", "qemu-storage-daemon"} {
		for _, pid := range v.daemons(name) {
			kill9(pid)
		}
	}
}

// rebooted has what fell have fallen with its machine, which has had another boot since:
// a writer's volume is served on under its epoch then, and under another one otherwise.
func (v *vault) rebooted() {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		v.w.t.Fatal(err)
	}
	for _, folder := range v.folders() {
		path := filepath.Join(v.dir, folder, "meta.json")
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, bytes.ReplaceAll(text, bytes.TrimSpace(boot), []byte("6f0e9d1c-0000-4000-8000-000000000000")), 0o600)
		}
		if err != nil {
			v.w.t.Error(err)
		}
	}
}

// A host that was started anew has forgotten the passwords of its machines' volumes,
// and what the vault served may be gone as well: `meson start` brings back each
// machine with what it had, and what it had written is there.
func TestStartAfterRestarts(t *testing.T) {
	t.Parallel()
	lab := ownLab(t, "1")
	tool := func(args ...string) { labTool(t, lab, args...) }
	for kind, uuid := range map[string]string{"iscsi": "none", "file": hostUUID(1)} {
		t.Run(kind, func(t *testing.T) {
			w, v := vaultIn(t, lab, map[string]any{"host_uuid": uuid}, "kvm1")
			w.must("volume", "create", "data", "--size", "128MiB", "--format", "qcow2")
			w.must("deploy", w.tinySpec("a", fmt.Sprintf(`{"vid":%q}`, w.volumeNamed("data").VID)), "--cheapest", "--name", "a")
			if uses := w.volumeNamed("data").Uses; len(uses) != 1 || uses[0].Kind != kind {
				t.Fatalf("uses %+v", uses)
			}
			g := w.console("a")
			g.booted()
			n := 1000
			g.writes(w.use("data"), 0, n)
			// What of it died without its machine took a writer's epoch with it, where
			// it stood between that and the image.
			killed := map[string]uint64{"iscsi": 2, "file": 1}[kind]
			for _, after := range []struct {
				what  string
				epoch uint64
				do    func()
			}{
				{"libvirtd", 1, func() {
					w.must("stop", "--hard", "a")
					tool("crash", "kvm1")
					tool("restart", "kvm1")
				}},
				{"the host", 1, func() {
					tool("cut", "kvm1")
					tool("restart", "kvm1")
				}},
				{"what the storage server runs", killed, func() {
					w.must("stop", "--hard", "a")
					v.fall()
					v.start()
				}},
				{"all of them", killed, func() {
					tool("cut", "kvm1")
					v.fall()
					v.rebooted()
					v.start()
					tool("restart", "kvm1")
				}},
			} {
				after.do()
				if state := w.state("a"); state != "stopped" {
					t.Errorf("after a restart of %s it is %s", after.what, state)
				}
				w.must("start", "a")
				g = w.console("a")
				if line := g.booted(); !strings.Contains(line, w.use("data")) {
					t.Fatalf("after a restart of %s the guest says %s", after.what, line)
				}
				g.reads(w.use("data"), 0, n)
				if got := w.volumeNamed("data").Epoch; got != after.epoch {
					t.Errorf("after a restart of %s the epoch is %d, want %d", after.what, got, after.epoch)
				}
				n += 500
				g.writes(w.use("data"), 0, n)
			}
			w.must("rm", "a")
			w.must("volume", "rm", "data", "--yes")
			v.empty(t)
		})
	}
}

// A volume that was cut off while the machine's host was dead is not opened by the
// machine that starts again, whoever has it by then, or nobody.
func TestCutOffWhileTheHostIsDead(t *testing.T) {
	t.Parallel()
	lab := ownLab(t, "1")
	tool := func(args ...string) { labTool(t, lab, args...) }
	for kind, uuid := range map[string]string{"iscsi": "none", "file": hostUUID(1)} {
		for _, verb := range []string{"detach", "unlock"} {
			t.Run(kind+" "+verb, func(t *testing.T) {
				w, v := vaultIn(t, lab, map[string]any{"host_uuid": uuid}, "kvm1")
				w.must("volume", "create", "data", "--size", "128MiB")
				w.must("deploy", w.tinySpec("a", fmt.Sprintf(`{"vid":%q}`, w.volumeNamed("data").VID)), "--cheapest", "--name", "a")
				w.console("a").booted()
				lost := w.use("data")
				tool("cut", "kvm1")
				w.must("volume", verb, "data", "--force", "--yes")
				if uses := w.volumeNamed("data").Uses; len(uses) > 0 {
					t.Fatalf("uses %+v", uses)
				}
				tool("restart", "kvm1")
				if doc := w.domainXML("a"); !strings.Contains(doc, "<serial>"+lost+"</serial>") {
					t.Fatalf("its host was dead, and yet it has no disk %s:\n%s", lost, doc)
				}
				w.must("start", "a")
				g := w.console("a")
				if line := g.booted(); strings.Contains(line, lost) {
					t.Errorf("it has what it was cut off from: %s", line)
				}
				if doc := w.domainXML("a"); strings.Contains(doc, lost) {
					t.Errorf("it would have it again with the next start:\n%s", doc)
				}
				// It can have it again, as anybody else.
				w.must("volume", "attach", "data", "a")
				g.writes(w.use("data"), 0, 100)
				w.must("rm", "a")
				w.must("volume", "rm", "data", "--yes")
				v.empty(t)
			})
		}
	}
}
