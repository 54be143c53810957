package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// hostUUID is what libvirt calls a host of the lab.
func hostUUID(n int) string { return fmt.Sprintf("6d65736f-6e00-4000-8000-%012x", n) }

// byFile is a vault on the machines' own host, whose files they open themselves.
func byFile(t *testing.T) (*world, *vault) {
	t.Helper()
	return vaultIn(t, labEnv(t, ""), map[string]any{"host_uuid": hostUUID(1)}, "kvm1")
}

// reads fails the test unless the guest reads from a place of a volume what seq has
// printed, from the volume itself and not from its memory.
func (g *guest) reads(attachment string, mib, n int) {
	g.t.Helper()
	text := g.run(fmt.Sprintf("D=%s; sync; echo 3 >/proc/sys/vm/drop_caches; dd if=$D bs=1M skip=%d count=1 2>/dev/null | head -c %d | sha256sum",
		disk(attachment), mib, len(numbers(n))))
	if !strings.Contains(text, sumOfSeq(n)) {
		g.t.Errorf("%s reads something else at %d MiB:\n%s", g.name, mib, text)
	}
}

func (g *guest) writes(attachment string, mib, n int) {
	g.t.Helper()
	g.run(fmt.Sprintf("D=%s; seq 1 %d >/tmp/seq; dd if=/tmp/seq of=$D bs=1M seek=%d conv=notrunc,fsync 2>/dev/null", disk(attachment), n, mib))
}

// grown waits until the guest sees that a volume has a size.
func (g *guest) grown(attachment string, mib int) {
	g.t.Helper()
	g.run(fmt.Sprintf("S=/sys/block/$(basename %s)/size; n=0; while [ $(cat $S) != %d ] && [ $n -lt 100 ]; do n=$((n+1)); usleep 100000; done; [ $(cat $S) = %d ]",
		disk(attachment), mib*2048, mib*2048))
}

// domainXML is the definition of a machine.
func (w *world) domainXML(name string) string {
	w.t.Helper()
	return w.virsh("kvm1", "dumpxml", "--inactive", uuidIn(w.allocationNamed(name).Instance.ID))
}

// chained fails the test unless a machine's definition states every file that its one
// volume in a file stands on, and where that ends.
func (w *world) chained(name string, below int) {
	w.t.Helper()
	doc := w.domainXML(name)
	at := strings.Index(doc, "/data.img'")
	if at < 0 {
		w.t.Fatalf("no file of a volume in\n%s", doc)
	}
	disk, _, _ := strings.Cut(doc[at:], "</disk>")
	if n := strings.Count(disk, "/snap-"); n != below || !strings.Contains(disk, "<backingStore/>") {
		w.t.Errorf("%s stands on %d files, want %d and the end of them:\n%s", name, n, below, disk)
	}
}

// A volume whose file the machine opens itself stands on the files of its snapshots:
// attached while the machine runs and while it does not, after snapshots that were
// made meanwhile, after reboots, and after QEMU's end.
func TestVolumeByFile(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"qcow2", "raw"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w, v := byFile(t)
			w.must("volume", "create", "data", "--size", "128MiB", "--format", format)
			vid := w.volumeNamed("data").VID
			w.must("deploy", w.tinySpec("a", fmt.Sprintf(`{"vid":%q}`, vid)), "--cheapest", "--name", "a")
			if uses := w.volumeNamed("data").Uses; len(uses) != 1 || uses[0].Kind != "file" {
				t.Fatalf("uses %+v", uses)
			}
			w.chained("a", 0)
			g := w.console("a")
			g.booted()
			g.writes(w.use("data"), 0, 5000)
			if _, errs, code := w.meson("volume", "snapshot", "create", "data", "early"); code != 4 || !strings.Contains(errs, "has its file open") {
				t.Errorf("a snapshot under the machine: exit %d\n%s", code, errs)
			}
			w.must("volume", "resize", "data", "256MiB")
			if got := w.volumeNamed("data").SizeBytes; got != 256<<20 {
				t.Errorf("grown under the machine it has %d bytes", got)
			}
			g.writes(w.use("data"), 200, 3000)
			g.reads(w.use("data"), 200, 3000)
			w.must("volume", "detach", "data", "a")
			w.must("volume", "snapshot", "create", "data", "one")
			w.must("volume", "attach", "data", "a")
			w.chained("a", 1)
			g.reads(w.use("data"), 0, 5000)
			g.reads(w.use("data"), 200, 3000)
			g.writes(w.use("data"), 1, 4000)

			w.must("stop", "--hard", "a")
			w.must("volume", "detach", "data", "a")
			w.must("volume", "snapshot", "create", "data", "two")
			w.must("volume", "attach", "data", "a")
			w.chained("a", 2)
			both := func(what string, do func()) {
				t.Helper()
				do()
				if what != "reboot" { // which leaves the console open
					g = w.console("a")
				}
				g.booted()
				g.reads(w.use("data"), 0, 5000)
				g.reads(w.use("data"), 1, 4000)
				if t.Failed() {
					t.Fatal(what)
				}
			}
			both("start", func() { w.must("start", "a") })
			both("reboot", func() { w.must("reboot", "--hard", "a") })
			both("kill -9", func() {
				kill9(w.qemu("a"))
				eventually(t, "its end shows", func() bool { return w.state("a") == "stopped" })
				if text := w.must("show", "a"); !strings.Contains(text, "is stopped") || !strings.Contains(text, "crashed") {
					t.Errorf("shown as\n%s", text)
				}
				w.must("start", "a")
			})

			// Who reads keeps reading the same while what it stands on is merged.
			w.must("volume", "detach", "data", "a")
			w.must("volume", "attach", "data", "a", "--readonly")
			g.reads(w.use("data"), 0, 5000)
			for _, snapshot := range []string{"one", "two"} {
				w.must("volume", "snapshot", "rm", "data", snapshot)
				g.reads(w.use("data"), 0, 5000)
				g.reads(w.use("data"), 1, 4000)
			}
			w.must("volume", "snapshot", "create", "data", "three")
			g.reads(w.use("data"), 1, 4000)
			both("start after merges", func() {
				w.must("stop", "--hard", "a")
				w.must("start", "a")
			})
			w.must("rm", "a")
			w.must("volume", "rm", "data", "--yes")
			v.empty(t)
		})
	}
}

// A machine boots from a volume in files of its host that stand on each other.
func TestBootByFile(t *testing.T) {
	t.Parallel()
	w, v := byFile(t)
	w.must("volume", "import", "root", w.lab["MESON_LAB_GUEST_IMAGE"], "--format", "qcow2", "--size", "128MiB", "--bootable")
	w.must("volume", "snapshot", "create", "root", "new")
	w.must("volume", "clone", "root", "own")
	w.must("volume", "snapshot", "create", "own", "cloned")
	spec := w.tinySpec("r", fmt.Sprintf(`{"vid":%q}`, w.volumeNamed("own").VID))
	w.must("deploy", spec, "--cheapest", "--name", "r")
	if uses := w.volumeNamed("own").Uses; len(uses) != 1 || uses[0].Kind != "file" {
		t.Fatalf("uses %+v", uses)
	}
	if line := w.console("r").booted(); !strings.Contains(line, "disks=vda:128M") {
		t.Errorf("the guest says %s", line)
	}
	if doc := w.domainXML("r"); strings.Count(doc, "/snap-") < 2 || !strings.Contains(doc, "<backingStore/>") {
		t.Errorf("it does not say what it stands on:\n%s", doc)
	}
	w.must("stop", "--hard", "r")
	w.must("start", "r")
	w.console("r").booted()
	w.must("rm", "r")
	w.must("volume", "rm", "own", "root", "--yes")
	v.empty(t)
}
