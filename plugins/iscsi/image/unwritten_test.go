package image

import "testing"

// A volume holds what the layer below it does until something is written, zeros and
// what is taken back included; what is not sure is no.
func TestUnwritten(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), QCOW2, 8<<20)
	want := func(when string, want bool) {
		t.Helper()
		if got, err := d.e.Unwritten(d.Volume); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", when, got, err, want)
		}
	}
	want("a new volume, which stands on nothing", false)
	d.write(1, 1)
	d.do(Change{Op: OpSnapshot, Layer: "s0"})
	want("frozen", true)
	d.do(Change{Op: OpResize, SizeBytes: 16 << 20})
	want("grown", true)
	d.serve()
	want("open for writing", false)
	d.stop()
	want("closed again", true)
	d.write(1, 0)
	want("zeros written", false)
	d.do(Change{Op: OpSnapshot, Layer: "s1"})
	want("frozen again", true)
	d.write(1, 1)
	want("written with what was below", false)
	d.do(Change{Op: OpRevert, Layer: "s1"})
	want("gone back", true)
}
