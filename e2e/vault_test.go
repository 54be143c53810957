package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tinySpec is a spec of the guest that has a shell, with volumes.
func (w *world) tinySpec(name, volumes string) string {
	w.t.Helper()
	w.write(name+".json", fmt.Sprintf(
		`{"slots":1,"allowSMT":true,"overprovision":10,"ramsize":160,"boot_disk_gib":1,"misc":{"os_family":"linux","os_flavour":"tiny"},"volumes":[%s]}`, volumes))
	return filepath.Join(w.home, name+".json")
}

// addHost adds a further provider of one host, named as it is.
func (w *world) addHost(host string) {
	w.t.Helper()
	w.write(host+".json", w.provider([]string{host}))
	w.must("provider", "add", host, "--plugin", "kvm", "--config", filepath.Join(w.home, host+".json"))
}

// A volume written by a machine on one host, and grown under it, is read by one on
// another, over iSCSI and, where that is the vault's own host, over NBD; what one may
// write to, nobody else may; it outlives its machines.
func TestVolumeMovesBetweenHosts(t *testing.T) {
	t.Parallel()
	w, v := vaultIn(t, labEnv(t, ""), map[string]any{"host_uuid": hostUUID(2)}, "kvm1")
	w.volumeDirs = nil
	w.addHost("kvm2")
	w.must("volume", "create", "data", "--size", "128MiB")
	vid := w.volumeNamed("data").VID
	w.must("deploy", w.tinySpec("a", `{"vid":"`+vid+`"}`), "--cheapest", "--name", "a", "--provider", "lab")

	_, errs, code := w.meson("deploy", w.tinySpec("b", `{"vid":"`+vid+`"}`), "--cheapest", "--name", "b", "--provider", "kvm2")
	if code != 6 || !strings.Contains(errs, "it is in use by ") {
		t.Errorf("a second writer: exit %d\n%s", code, errs)
	}
	if _, errs, code := w.meson("volume", "rm", "data", "--yes"); code != 4 || !strings.Contains(errs, "a writes to it") {
		t.Errorf("removed while in use: exit %d\n%s", code, errs)
	}

	a := w.console("a")
	line := a.booted()
	uses := w.volumeNamed("data").Uses
	if len(uses) != 1 || !uses[0].Writable || uses[0].Kind != "iscsi" || !strings.Contains(line, uses[0].Attachment) {
		t.Fatalf("uses %+v, the guest says %s", uses, line)
	}
	a.run("D=" + disk(uses[0].Attachment) + "; seq 1 5000 >/tmp/seq; dd if=/tmp/seq of=$D bs=4096 conv=fsync 2>/dev/null")
	w.must("volume", "resize", "data", "256MiB")
	a.grown(w.use("data"), 256)
	a.writes(w.use("data"), 200, 3000)
	w.must("volume", "detach", "data", "a")
	a.run("[ ! -b $D ]")
	w.must("rm", "a")

	w.must("deploy", w.tinySpec("b", ""), "--cheapest", "--name", "b", "--provider", "kvm2")
	b := w.console("b")
	b.booted()
	w.must("volume", "attach", "data", "b")
	uses = w.volumeNamed("data").Uses
	if len(uses) != 1 || uses[0].Kind != "iscsi" {
		t.Fatalf("uses %+v", uses)
	}
	b.run("D=" + disk(uses[0].Attachment) + "; head -c $(seq 1 5000 | wc -c) $D | sha256sum")
	if text := b.text.before(); !strings.Contains(text, sumOfSeq(5000)) {
		t.Errorf("the other machine reads something else:\n%s", text)
	}
	b.reads(w.use("data"), 200, 3000)
	w.must("volume", "detach", "data", "b")
	w.overNBD(v, b)
	w.must("rm", "b")
	if got := w.volumeNamed("data"); got == nil || got.State != "available" || len(v.folders()) != 1 {
		t.Errorf("after its machines went: %+v, folders %v", got, v.folders())
	}
	w.must("volume", "rm", "data", "--yes")
	v.empty(t)
}

// disk is a shell's word for the device whose serial is an attachment's id.
func disk(attachment string) string {
	return "/dev/$(basename $(dirname $(grep -lx " + attachment + " /sys/block/vd*/serial)))"
}

// numbers is what seq 1 N prints.
func numbers(n int) string {
	var text strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintln(&text, i)
	}
	return text.String()
}

// sumOfSeq is its SHA-256.
func sumOfSeq(n int) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(numbers(n)))) }

// empty fails the test if anything of a volume is left, or still serves.
func (v *vault) empty(t *testing.T) {
	t.Helper()
	if left := v.folders(); len(left) > 0 {
		t.Errorf("folders left: %v", left)
	}
	for _, name := range []string{"tgtd", "qemu-storage-daemon"} {
		eventually(t, name+" ends", func() bool { return len(v.daemons(name)) == 0 })
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for give := time.Now().Add(20 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(give) {
			t.Errorf("not yet: %s", what)
			return
		}
	}
}

// A machine boots from an iSCSI LUN that was made of an image, has no other disk,
// and what is on it survives the machine.
func TestBootFromVolume(t *testing.T) {
	t.Parallel()
	w, v := withVault(t, "kvm1")
	w.must("volume", "import", "root", w.lab["MESON_LAB_GUEST_IMAGE"], "--format", "qcow2", "--size", "128MiB", "--bootable")
	vid := w.volumeNamed("root").VID
	w.must("deploy", w.tinySpec("r", `{"vid":"`+vid+`"}`), "--cheapest", "--name", "r")
	line := w.console("r").booted()
	if !strings.Contains(line, "disks=vda:128M") {
		t.Errorf("the guest says %s", line)
	}
	for _, name := range w.volumes("kvm1") {
		if a := w.allocationNamed("r"); a.Instance != nil && strings.Contains(name, a.Instance.ID) && strings.HasSuffix(name, ".qcow2") {
			t.Errorf("it has a disk of an image too: %s", name)
		}
	}
	w.must("rm", "r")
	w.must("volume", "rm", "root", "--yes")
	v.empty(t)
}

func (w *world) allocationNamed(name string) allocation {
	w.t.Helper()
	for _, a := range w.list() {
		if a.Name == name {
			return a
		}
	}
	return allocation{}
}

// What a spec makes along with a machine stays or goes as it says, in the format that the
// vault prefers, though the machine would reach another one faster; a deploy that fails
// leaves none of it.
func TestVolumesOfASpec(t *testing.T) {
	t.Parallel()
	w, v := withVault(t, "kvm1")
	spec := `{"slots":1,"allowSMT":true,"overprovision":10,"ramsize":32,"boot_disk_gib":1,"misc":{"os_family":"linux","os_flavour":"bootsector"},
		"volumes":[{"name":"keep","size_gib":0.125},{"name":"temp","size_gib":0.125,"volatile":true}]}`
	w.write("v.json", spec)
	path := filepath.Join(w.home, "v.json")
	w.must("deploy", path, "--cheapest", "--name", "m")
	if n := len(v.folders()); n != 2 {
		t.Errorf("%d volumes, want 2", n)
	}
	w.must("rm", "m")
	if kept := w.volumeList(); len(kept) != 1 || kept[0].Name != "keep" || kept[0].Format != "qcow2" || len(v.folders()) != 1 {
		t.Errorf("kept %+v, folders %v", kept, v.folders())
	}
	w.must("volume", "rm", "keep", "--yes")

	// The host refuses: there is no such network.
	w.write("v.json", strings.Replace(spec, `"slots":1`, `"networks":[{"network_uid":"none"}],"slots":1`, 1))
	if _, errs, code := w.meson("deploy", path, "--cheapest", "--name", "n"); code == 0 {
		t.Errorf("deployed:\n%s", errs)
	}
	v.empty(t)
}
