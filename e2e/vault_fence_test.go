package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A writer whose QEMU hangs is cut off, by its own user or by another one; when it
// wakes up nothing that it had under way, and nothing that it writes then, lands on
// the volume, which somebody else writes by then. That it is awake, and writes again,
// it says on its console.
func TestWriterThatWakesUpIsFenced(t *testing.T) {
	for _, verb := range []string{"detach", "unlock"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			w, v := withVault(t, "kvm1")
			other := v.another("kvm2")
			w.must("volume", "create", "data", "--size", "128MiB")
			w.must("deploy", w.tinySpec("a", fmt.Sprintf(`{"vid":%q}`, w.volumeNamed("data").VID)), "--cheapest", "--name", "a")
			g := w.console("a")
			g.booted()
			g.run("D=" + disk(w.use("data")))
			g.run(`late() { [ -b $D ] || { echo "LA""TE: it has no disk"; return; }; echo "LA""TE: it writes"; ` +
				`printf '%-512s' "old late" | dd of=$D bs=512 seek=151 conv=notrunc,fsync 2>/dev/null && [ -b $D ] && echo "LAN""DED"; }`) // dd makes a file where the disk has just gone
			_, _ = g.keys.WriteString(`for l in 0 1 2 3; do (i=$l; while i=$((i+4)); do printf '%-512s' "old $i" | dd of=$D bs=512 seek=$((i%200)) conv=notrunc,fsync 2>/dev/null; ` +
				`[ $l = 0 ] && echo "A""CK $i"; done) & done` + "\r")
			g.writesOn("the start")

			pid := w.qemu("a")
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
			by := w
			if verb == "unlock" {
				by = other
				w.must("volume", "lock", "data")
				if _, errs, code := by.meson("volume", "unlock", "data"); code != 5 {
					t.Errorf("another's lock was taken: exit %d\n%s", code, errs)
				}
			}
			by.must("volume", verb, "data", "--force", "--yes")

			path := filepath.Join(other.home, "data.img")
			other.must("volume", "map", "data", path)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			held := make([]byte, 200*sector)
			if _, err := f.ReadAt(held, 0); err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(held, []byte("old ")) {
				t.Fatal("nothing of the old writer is there")
			}
			for i := 0; i < 200; i += 2 { // the others stay as they were when it was cut off
				block := held[i*sector : (i+1)*sector]
				copy(block, fmt.Sprintf("%-512s", fmt.Sprintf("new %d", i)))
				if _, err := f.WriteAt(block, int64(i*sector)); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			// What is typed now nobody reads before it is awake.
			_, _ = g.keys.WriteString("late &\r")
			// By detach its own host takes the disk away as well.
			if line := g.until("LATE: "); verb == "unlock" && line != "LATE: it writes" {
				t.Errorf("the writer that woke up says %s", line)
			}
			time.Sleep(5 * time.Second)
			if strings.Contains(g.text.rest(), "LANDED") {
				t.Errorf("a write of the writer that woke up was answered:\n%s", g.text.rest())
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			other.must("volume", "unmap", "data")
			all, err := os.ReadFile(other.export("data"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range 200 {
				if got, want := all[i*sector:(i+1)*sector], held[i*sector:(i+1)*sector]; !bytes.Equal(got, want) {
					t.Errorf("sector %d: %q landed over %q", i, got[:16], want[:16])
				}
			}
			w.must("rm", "a")
			w.must("volume", "rm", "data", "--yes")
			v.empty(t)
		})
	}
}
