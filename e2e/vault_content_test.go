package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// at is where mapped writes put their text, away from the start and the end.
const at = 5 << 20

// put writes a text to a volume, as a local user does.
func (w *world) put(volume, text string) {
	w.t.Helper()
	path := filepath.Join(w.home, "put.img")
	w.must("volume", "map", volume, path)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(text), at); err != nil {
		w.t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		w.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.must("volume", "unmap", volume)
}

// export writes a volume to a raw file, and gives its path.
func (w *world) export(volume string, flags ...string) string {
	w.t.Helper()
	path := filepath.Join(w.home, "export.img")
	w.must(append([]string{"volume", "export", volume, path, "--format", "raw", "--force"}, flags...)...)
	return path
}

// holds fails the test if an exported volume is not the text and nothing else.
func (w *world) holds(volume, text string, flags ...string) {
	w.t.Helper()
	f, err := os.Open(w.export(volume, flags...))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	found := make([]byte, len(text))
	if n, err := f.ReadAt(found, at); string(found) != text {
		w.t.Errorf("%s %v: %q (%v) and not %q where it should be", volume, flags, found[:n], err, text)
		return
	}
	// Piece by piece: under the race detector, all of it in memory takes seconds.
	written, piece := 0, make([]byte, 1<<20)
	for err = nil; err == nil; {
		var n int
		n, err = f.Read(piece)
		written += n - bytes.Count(piece[:n], []byte{0})
	}
	if !errors.Is(err, io.EOF) {
		w.t.Fatal(err)
	}
	if n := written - len(text); n > 0 {
		w.t.Errorf("%s %v: %d bytes that nobody wrote", volume, flags, n)
	}
}

// What a volume held at a snapshot is there for good: whatever is written to it, to
// its clones, and whichever of them goes.
func TestSnapshotsHoldWhatWasWritten(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"qcow2", "raw"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w, v := withVault(t, "kvm1")
			w.must("volume", "create", "data", "--size", "128MiB", "--format", format)
			w.put("data", "the first")
			w.must("volume", "snapshot", "create", "data", "one")
			w.put("data", "the other")
			w.must("volume", "clone", "data", "now")
			w.must("volume", "clone", "data", "then", "--snapshot", "one", "--size", "256MiB")
			w.holds("data", "the other")
			w.holds("data", "the first", "--snapshot", "one")
			w.holds("now", "the other")
			w.holds("then", "the first")

			w.put("then", "the clone")
			w.must("volume", "revert", "data", "one", "--yes")
			w.holds("data", "the first")
			w.holds("now", "the other")
			w.must("volume", "snapshot", "rm", "data", "one")
			w.must("volume", "rm", "data", "--yes")
			w.holds("then", "the clone")
			w.holds("now", "the other")
			w.must("volume", "rm", "then", "now", "--yes")
			v.empty(t)
		})
	}
}

// mapped is what `meson volume mapped` says of one volume.
func (w *world) mapped(volume string) string {
	w.t.Helper()
	var all []struct{ Name, State, File string }
	if err := json.Unmarshal([]byte(w.must("volume", "mapped", "-o", "json")), &all); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range all {
		if m.Name == volume {
			return m.State
		}
	}
	return ""
}

// A volume that is a local file has a writer: no machine and no other user gets it.
// It is not taken from who has it open, and it is free when it is unmapped, also
// after the end of what showed it.
func TestMappedVolumeHasItsWriter(t *testing.T) {
	t.Parallel()
	w, v := withVault(t, "kvm1")
	other := v.another("kvm1")
	w.must("volume", "create", "data", "--size", "128MiB")
	vid := w.volumeNamed("data").VID
	path := filepath.Join(w.home, "data.img")
	w.must("volume", "map", "data", path)
	if info, err := os.Stat(path); err != nil || info.Size() != 128<<20 || w.mapped("data") != "active" {
		t.Fatalf("mapped as %v, %v, state %q", info, err, w.mapped("data"))
	}

	w.write("v.json", strings.Replace(bootSpec, `"slots"`, fmt.Sprintf(`"volumes":[{"vid":%q}],"slots"`, vid), 1))
	if _, errs, code := w.meson("deploy", filepath.Join(w.home, "v.json"), "--cheapest", "--name", "m"); code != 6 || !strings.Contains(errs, "in use by") {
		t.Errorf("a machine got it: exit %d\n%s", code, errs)
	}
	if _, errs, code := other.meson("volume", "map", "data", filepath.Join(other.home, "data.img")); code != 4 {
		t.Errorf("another user got it: exit %d\n%s", code, errs)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("mapped"), at); err != nil {
		t.Error(err)
	}
	if _, errs, code := w.meson("volume", "unmap", "data"); code == 0 {
		t.Errorf("taken away from who has it open:\n%s", errs)
	}
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
	_ = f.Close()
	w.must("volume", "unmap", "data")
	if state := w.mapped("data"); state != "" || w.volumeNamed("data").State != "available" {
		t.Errorf("unmapped it is %q, and %+v", state, w.volumeNamed("data"))
	}
	w.holds("data", "mapped")

	w.must("volume", "map", "data", path)
	for _, pid := range w.mappers() {
		kill9(pid)
	}
	eventually(t, "the end of the mapping shows", func() bool { return w.mapped("data") == "dead" })
	w.must("volume", "unmap", "data")
	other.put("data", "others")
	other.holds("data", "others")
	w.must("volume", "rm", "data", "--yes")
	v.empty(t)
}

// mappers are the processes that show volumes as files to this user.
func (w *world) mappers() []int { return processes("qemu-storage-daemon", w.home+"/") }

// Read by many, or written by one: a volume that nobody may write is on two
// machines at once.
func TestReadOnlyVolumeServesTwoMachines(t *testing.T) {
	t.Parallel()
	w, v := withVault(t, "kvm1")
	w.addHost("kvm2")
	w.write("seq.img", numbers(5000))
	w.must("volume", "import", "packages", filepath.Join(w.home, "seq.img"), "--format", "raw", "--size", "128MiB", "--readonly")
	vid := w.volumeNamed("packages").VID
	for name, provider := range map[string]string{"a": "lab", "b": "kvm2"} {
		w.must("deploy", w.tinySpec(name, `{"vid":"`+vid+`","readonly":true}`), "--cheapest", "--name", name, "--provider", provider)
	}
	uses := w.volumeNamed("packages").Uses
	if len(uses) != 2 || uses[0].Writable || uses[1].Writable {
		t.Fatalf("uses %+v", uses)
	}
	for _, name := range []string{"a", "b"} {
		g := w.console(name)
		line := g.booted()
		for _, u := range uses {
			if !strings.Contains(line, u.Attachment) {
				continue
			}
			if text := g.run(fmt.Sprintf("D=%s; head -c %d $D | sha256sum; echo x 2>/dev/null >$D && echo WRIT\"\"TEN; true", disk(u.Attachment), len(numbers(5000)))); !strings.Contains(text, sumOfSeq(5000)) || strings.Contains(text, "WRITTEN") {
				t.Errorf("%s reads something else, or writes:\n%s", name, text)
			}
		}
	}
	w.must("rm", "a", "b")
	w.must("volume", "rm", "packages", "--yes")
	v.empty(t)
}
