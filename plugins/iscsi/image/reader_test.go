package image

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// TestReaderHoldsAnInstant reads a volume while all that can happen to it does: what
// is read is what it held when it was opened.
func TestReaderHoldsAnInstant(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	for _, format := range []Format{Raw, QCOW2} {
		for _, layer := range []string{"", "a"} {
			t.Run(string(format)+" "+layer, func(t *testing.T) {
				t.Parallel()
				d := newDisk(t, e, format, 8<<20)
				d.write(3, 3)
				if layer != "" {
					d.do(Change{Op: OpSnapshot, Layer: "a"})
					d.write(4, 4)
				}
				held := clone(d.holds)
				if layer != "" {
					held = clone(d.layers["a"])
				}
				lock, err := os.CreateTemp(t.TempDir(), "")
				if err != nil {
					t.Fatal(err)
				}
				defer lock.Close()
				r, err := e.Read(t.Context(), d.Volume, ReadOptions{Layer: layer, Locks: []*os.File{lock}})
				if err != nil {
					t.Fatal(err)
				}
				if layer == "" {
					// Whoever would write the file itself is refused by QEMU's locks.
					if _, err := Hold(d.active()); sdk.KindOf(err) != sdk.Busy {
						t.Errorf("%v, want Busy", err)
					}
					kindIs(t, d.try(Change{Op: OpResize, SizeBytes: 16 << 20}), sdk.Busy)
				}
				d.do(Change{Op: OpSnapshot, Layer: "b"})
				d.write(3, 33)
				d.serve()
				d.write(5, 5)
				d.stop()
				var out bytes.Buffer
				if err := r.Export(t.Context(), ExportOptions{Format: Raw}, &out); err != nil {
					t.Fatal(err)
				}
				compare(t, "sent", out.Bytes(), held)
				if err := os.RemoveAll(d.Dir); err != nil {
					t.Fatal(err)
				}
				for _, to := range []Format{Raw, QCOW2} {
					dir := t.TempDir()
					layout, err := r.Copy(t.Context(), dir, CopyOptions{Format: to, SizeBytes: 16 << 20})
					if err != nil {
						t.Fatal(err)
					}
					copied := wrap(t, e, Volume{Dir: dir, Layout: layout})
					copied.holds = held
					copied.check("copied to " + string(to))
					if st, err := stat(copied.active()); err != nil || usedBytes(st) > 4<<20 {
						t.Errorf("%d bytes are used: the holes were filled, %v", usedBytes(st), err)
					}
				}
				temp := t.TempDir()
				if err := r.Export(t.Context(), ExportOptions{Format: QCOW2, TempDir: temp}, io.Discard); err != nil {
					t.Fatal(err)
				}
				if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
					t.Errorf("%v is left, %v", left, err)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
