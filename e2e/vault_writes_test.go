package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sector is how much of a volume one write of a guest fills.
const sector = 512

// acked is how many writes of its loop the guest said to be done. They come one
// after the other, and the loop ends with the first that fails.
func (g *guest) acked() int {
	g.t.Helper()
	text := g.text.whole()
	if _, what, failed := strings.Cut(text, "\nFAILED "); failed {
		g.t.Fatalf("%s: a write failed: %s", g.name, what)
	}
	i := strings.LastIndex(text, "ACK ")
	if i < 0 {
		return 0
	}
	number, _, whole := strings.Cut(text[i+len("ACK "):], "\r\n")
	if !whole {
		i = max(strings.LastIndex(text[:i], "ACK "), 0)
		number, _, _ = strings.Cut(strings.TrimPrefix(text[i:], "ACK "), "\r\n")
	}
	n, _ := strconv.Atoi(number)
	return n
}

// writesOn waits until the guest has done some more writes.
func (g *guest) writesOn(after string) {
	g.t.Helper()
	from := g.acked()
	for give := time.Now().Add(waits); g.acked() < from+10; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(give) {
			g.t.Fatalf("%s: no write is acknowledged after %s:\n%s", g.name, after, g.text.rest())
		}
	}
}

// qemu is the process of a machine.
func (w *world) qemu(name string) int {
	w.t.Helper()
	a := w.allocationNamed(name)
	if a.Instance == nil {
		w.t.Fatalf("%s has no instance", name)
	}
	id := uuidIn(a.Instance.ID)
	pids := processes("qemu-system-x86_64", id)
	if id == "" || len(pids) != 1 {
		w.t.Fatalf("%s is instance %q, processes %v", name, a.Instance.ID, pids)
	}
	return pids[0]
}

// use is the attachment of a volume's only use.
func (w *world) use(volume string) string {
	w.t.Helper()
	v := w.volumeNamed(volume)
	if v == nil || len(v.Uses) != 1 {
		w.t.Fatalf("%s: %+v", volume, v)
	}
	return v.Uses[0].Attachment
}

// A guest writes and syncs, and everything is killed under it: what it was told to
// be safe is there, and its filesystem is whole. It notices no more than pauses
// until its own end.
func TestAcknowledgedWritesSurvive(t *testing.T) {
	t.Parallel()
	w, v := withVault(t, "kvm1")
	fs := filepath.Join(w.home, "fs.img")
	w.tool("mke2fs", "-q", "-t", "ext4", fs, "128M")
	w.must("volume", "import", "fs", fs, "--format", "raw")
	w.must("volume", "convert", "fs", "--format", "raw")
	w.must("volume", "create", "data", "--size", "128MiB", "--format", "qcow2")
	w.must("deploy", w.tinySpec("a", fmt.Sprintf(`{"vid":%q},{"vid":%q}`, w.volumeNamed("data").VID, w.volumeNamed("fs").VID)), "--cheapest", "--name", "a")
	g := w.console("a")
	g.booted()
	g.run("D=" + disk(w.use("data")) + "; F=" + disk(w.use("fs")) + "; mkdir -p /mnt/fs; mount -t ext4 $F /mnt/fs")
	_, _ = g.keys.WriteString(`i=0; while i=$((i+1)); ` +
		`printf '%-512d' $i | dd of=$D bs=512 seek=$i conv=notrunc,fsync 2>/dev/null && ` +
		`echo $i | dd of=/mnt/fs/$i conv=fsync 2>/dev/null; do echo "A""CK $i"; done; echo "FAI""LED $i"` + "\r")
	g.writesOn("the start")

	for _, name := range []string{"tgtd", "the resident part", "the storage server", "the broker and its plugins"} {
		switch name {
		case "tgtd":
			v.killDaemons(t, "tgtd", 2)
		case "the resident part":
			v.kill()
			g.writesOn("kill -9 of the resident part")
			v.start()
		case "the storage server": // its machine: nobody is served on after the storage daemon alone
			v.kill()
			v.killDaemons(t, "tgtd", 2)
			v.killDaemons(t, "qemu-storage-daemon", 1)
			v.rebooted()
			v.start()
		case "the broker and its plugins":
			w.must("volume", "snapshot", "create", "data", "under-load")
			w.growsUnder(g, "data")
		}
		g.writesOn("kill -9 of " + name)
	}
	kill9(w.qemu("a"))
	last := g.acked()
	eventually(t, "the machine's end shows", func() bool { return w.state("a") == "stopped" })
	last = max(last, g.acked())
	w.must("rm", "a")
	t.Logf("%d writes were acknowledged", last)

	all, err := os.ReadFile(w.export("data"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= last; i++ {
		if got := all[i*sector : (i+1)*sector]; string(bytes.TrimRight(got, " ")) != fmt.Sprint(i) {
			t.Fatalf("acknowledged write %d of %d is lost: %q", i, last, got[:16])
		}
	}
	image := w.export("fs")
	w.tool("e2fsck", "-p", image) // replays the journal, as a mount does
	w.tool("e2fsck", "-fn", image)
	for i := 1; i <= last; i++ {
		if got := w.tool("debugfs", "-R", fmt.Sprintf("cat /%d", i), image); got != fmt.Sprintln(i) {
			t.Fatalf("acknowledged file %d of %d is lost: %q", i, last, got)
		}
	}
	w.must("volume", "rm", "data", "fs", "--yes")
	v.empty(t)
}

// growsUnder lets a volume grow while a guest writes on, and kills the broker, and the
// plugins that it has spawned, at every other step of that; the next broker resumes it.
func (w *world) growsUnder(g *guest, volume string) {
	w.t.Helper()
	w.write("broker.run", `for p in $(cat /proc/$PPID/task/*/children); do [ $p = $$ ] || { kill -9 $p && echo $p; } done >>$HOME/plugins.killed; kill -9 $PPID`)
	killed := 0
	for n := 1; ; n += 2 {
		w.order("broker", n)
		_, errs, code := w.meson("volume", "resize", volume, fmt.Sprintf("%dMiB", 128+128*n))
		if w.pending("broker") {
			if code != 0 {
				w.t.Errorf("nobody was killed: exit %d\n%s", code, errs)
			}
			break
		}
		killed++
		w.must("resume")
		g.writesOn(fmt.Sprintf("kill -9 of the broker and its plugins at step %d", n))
	}
	plugins, _ := os.ReadFile(filepath.Join(w.home, "plugins.killed"))
	if n := bytes.Count(plugins, []byte{'\n'}); killed < 3 || n < killed {
		w.t.Errorf("%d brokers were killed, and %d plugins: want 3 at least, and one of each", killed, n)
	}
}

// tool runs a program that must succeed, and gives what it printed.
func (w *world) tool(name string, args ...string) string {
	w.t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(w.t.Context(), name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, errs.String())
	}
	return string(out)
}

// killDaemons kills those of a command, of which there must be some.
func (v *vault) killDaemons(t *testing.T, name string, want int) {
	t.Helper()
	pids := v.daemons(name)
	if len(pids) != want {
		t.Fatalf("%d of %s run, want %d", len(pids), name, want)
	}
	for _, pid := range pids {
		kill9(pid)
	}
}
