package image

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// TestHostileImages: every way in which an image reads files of the host, or
// breaks what reads it, is refused, and nothing is left.
func TestHostileImages(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, bytes.Repeat([]byte("root:x:0:0 "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	good := func(t *testing.T, dir string) { tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "i", "1M") }
	for name, x := range map[string]struct {
		make func(t *testing.T, dir string)
		from Format
		want string
	}{
		"backing file": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", secret, "-F", "raw", "i", "1M")
		}, QCOW2, "stands on another file"},
		"backing file over the network": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "nbd://127.0.0.1/x", "-F", "raw", "i", "1M")
		}, QCOW2, "stands on another file"},
		"backing file without a name": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 8, uint64(200))
		}, QCOW2, "without a name"},
		"backing file outside the header": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 8, uint64(1<<62))
			patch(t, filepath.Join(dir, "i"), 16, uint32(10))
		}, QCOW2, "outside itself"},
		"data file": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file="+filepath.Join(dir, "d"), "i", "1M")
		}, QCOW2, "in another file"},
		"data file by the name alone": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file="+filepath.Join(dir, "d"), "i", "1M")
			patch(t, filepath.Join(dir, "i"), 72, uint64(0))
		}, QCOW2, "in another file"},
		"encryption": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=x", "-o", "encrypt.format=aes,encrypt.key-secret=s", "i", "1M")
		}, QCOW2, "encrypted"},
		"snapshots": {func(t *testing.T, dir string) {
			good(t, dir)
			tool(t, dir, "qemu-img", "snapshot", "-c", "s", "i")
		}, QCOW2, "snapshots inside"},
		"unknown feature": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 72, uint64(1<<40))
		}, QCOW2, "not known: 0x10000000000"},
		"dirty": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 72, uint64(1))
		}, QCOW2, "not closed"},
		"corrupt": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 72, uint64(2))
		}, QCOW2, "corrupt"},
		"too large": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "i", "17T")
		}, QCOW2, "at most"},
		"size zero": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 24, uint64(0))
		}, QCOW2, "size of 0"},
		"tables beyond the file": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 40, uint64(1<<50))
		}, QCOW2, ""},
		"tables in themselves": {func(t *testing.T, dir string) {
			good(t, dir)
			// The first L2 table is the header.
			patch(t, filepath.Join(dir, "i"), 3*65536, uint64(1<<63))
		}, QCOW2, ""},
		"version": {func(t *testing.T, dir string) {
			good(t, dir)
			patch(t, filepath.Join(dir, "i"), 4, uint32(9))
		}, QCOW2, "version 9"},
		"raw that is said to be qcow2": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "raw", "i", "1M")
		}, QCOW2, "no qcow2"},
		"VMDK": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "vmdk", "i", "1M")
		}, "vmdk", "want raw or qcow2"},
		"VMDK that is said to be qcow2": {func(t *testing.T, dir string) {
			tool(t, dir, "qemu-img", "create", "-q", "-f", "vmdk", "i", "1M")
		}, QCOW2, "no qcow2"},
		"empty": {func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "i"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, Raw, "empty"},
	} {
		for _, to := range []Format{Raw, QCOW2} {
			t.Run(name+"/"+string(to), func(t *testing.T) {
				t.Parallel()
				dir, from := t.TempDir(), t.TempDir()
				x.make(t, from)
				_, err := e.Import(t.Context(), dir, ImportOptions{Source: Source{Path: filepath.Join(from, "i")}, From: x.from, To: to})
				if err == nil || !strings.Contains(err.Error(), x.want) {
					t.Fatalf("error %v, want %q", err, x.want)
				}
				if x.want != "" {
					kindIs(t, err, sdk.Invalid)
				}
				if left, _ := os.ReadDir(dir); len(left) > 0 {
					t.Errorf("left: %v", left)
				}
			})
		}
	}
}

// TestGuestsHeader: a raw volume in which the guest has written a qcow2 header that
// names a file of the host stays raw, whatever is done with it.
func TestGuestsHeader(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), Raw, 8<<20)
	from := t.TempDir()
	tool(t, from, "qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", "i", "8M")
	header, err := os.ReadFile(filepath.Join(from, "i"))
	if err != nil {
		t.Fatal(err)
	}
	header = header[:blockBytes]
	d.with(func(c *nbd) {
		if err := c.do(nbdWrite, 0, header); err != nil {
			t.Fatal(err)
		}
	})
	still := func(v Volume) {
		t.Helper()
		var out bytes.Buffer
		if err := d.e.Export(t.Context(), v, ExportOptions{Format: Raw}, &out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes()[:blockBytes], header) || !zeros(out.Bytes()[blockBytes:]) {
			t.Error("it was taken for what the guest made it look like")
		}
	}
	still(d.Volume)
	d.do(Change{Op: OpResize, SizeBytes: 9 << 20})
	still(d.Volume)
	d.do(Change{Op: OpSnapshot, Layer: "a"})
	still(d.Volume)
	dir := t.TempDir()
	layout, err := d.e.Clone(t.Context(), d.Volume, "a", dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	still(Volume{Dir: dir, Layout: layout})
	d.do(Change{Op: OpConvert, Format: QCOW2})
	still(d.Volume)
	d.do(Change{Op: OpConvert, Format: Raw})
	still(d.Volume)
}

// TestForeignFolder: a folder whose files stand on something else than recorded is
// not opened.
func TestForeignFolder(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	dir := t.TempDir()
	tool(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", "data.img", "1M")
	v := Volume{Dir: dir, Layout: Layout{Format: QCOW2, SizeBytes: 1 << 20}}
	_, err := e.Serve(t.Context(), v, ServeOptions{Dir: filepath.Join(t.TempDir(), "r")})
	kindIs(t, err, sdk.Invalid)
	kindIs(t, e.Export(t.Context(), v, ExportOptions{Format: Raw}, io.Discard), sdk.Invalid)
	_, err = e.Do(t.Context(), v, Change{ID: "x", Op: OpSnapshot, Layer: "s"})
	kindIs(t, err, sdk.Invalid)
	_, err = e.Copy(t.Context(), v, t.TempDir(), CopyOptions{})
	kindIs(t, err, sdk.Invalid)
}

func FuzzHeader(f *testing.F) {
	b := make([]byte, 512)
	copy(b, "QFI\xfb\x00\x00\x00\x03")
	b[23], b[31], b[103] = 16, 1, 104
	f.Add(b)
	f.Add(append(bytes.Clone(b[:104]), "\xe2\x79\x2a\xca\x00\x00\x00\x03raw\x00\x00\x00\x00\x00DATA\xff\xff\xff\xff"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		if h.backing == "" && !h.dataFile && h.incompatible == 0 && h.encryption == 0 && h.snapshots == 0 && h.sizeBytes > 0 && h.sizeBytes < 1<<40 {
			if len(h.foreign(1<<40)) > 0 {
				t.Error(h.foreign(1 << 40))
			}
		} else if len(h.foreign(1<<40)) == 0 && h.incompatible&^(bitCompression|bitExtendedL2) != 0 {
			t.Errorf("%+v is let through", h)
		}
	})
}

func FuzzPercents(f *testing.F) {
	f.Add([]byte("    (0.00/100%)\r    (50.12/100%)\r"), 3)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		p := &percents{tell: func(x float64) {
			if !(x >= 0 && x <= 100) {
				t.Error(x)
			}
		}}
		at = min(max(at, 0), len(b))
		for _, part := range [][]byte{b[:at], b[at:]} {
			if n, err := p.Write(part); n != len(part) || err != nil {
				t.Error(n, err)
			}
		}
		if len(p.rest) > 256 && !bytes.Contains(p.rest, []byte("/100%)")) {
			t.Errorf("it keeps %d bytes", len(p.rest))
		}
	})
}
