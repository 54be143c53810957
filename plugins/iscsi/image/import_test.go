package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// TestImport reads good images by every way, and checks what they must be.
func TestImport(t *testing.T) {
	t.Parallel()
	e := theTools(t)
	from := t.TempDir()
	b := make([]byte, 3<<20+512)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b[1<<20 : 2<<20])
	b[len(b)-1] = 7
	write := func(name string, b []byte) string {
		path := filepath.Join(from, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("raw", b)
	tool(t, from, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", "raw", "qcow2")
	tool(t, from, "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd", "raw", "zstd")
	tool(t, from, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", "compat=0.10", "raw", "v2")
	served := httptest.NewServer(http.FileServer(http.Dir(from)))
	t.Cleanup(served.Close)
	for _, x := range []struct {
		file string
		from Format
		to   Format
		size uint64
		want uint64
	}{
		{"raw", Raw, Raw, 0, 4 << 20},
		{"raw", Raw, QCOW2, 8 << 20, 8 << 20},
		{"qcow2", QCOW2, Raw, 0, 4 << 20},
		{"qcow2", QCOW2, QCOW2, 8 << 20, 8 << 20},
		{"zstd", QCOW2, QCOW2, 0, 4 << 20},
		{"v2", QCOW2, Raw, 8 << 20, 8 << 20},
	} {
		content, err := os.ReadFile(filepath.Join(from, x.file))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		for way, source := range map[string]func() Source{
			"path":   func() Source { return Source{Path: filepath.Join(from, x.file)} },
			"stream": func() Source { return Source{Reader: bytes.NewReader(content)} },
			"url":    func() Source { return Source{URL: served.URL + "/" + x.file} },
		} {
			t.Run(x.file+" to "+string(x.to)+" by "+way, func(t *testing.T) {
				dir := t.TempDir()
				phases := map[string]bool{}
				opt := ImportOptions{
					Source: source(), From: x.from, To: x.to, SHA256: hex.EncodeToString(sum[:]), SizeBytes: x.size, RoundBytes: 1 << 20,
					Progress: func(phase string, percent float64) { phases[phase] = true },
				}
				layout, err := e.Import(t.Context(), dir, opt)
				if err != nil {
					t.Fatal(err)
				}
				if layout.SizeBytes != x.want || layout.Format != x.to {
					t.Errorf("layout %+v, want %d bytes", layout, x.want)
				}
				if x.to == QCOW2 {
					clusters(t, dir)
				}
				if x.from != x.to && !phases["convert"] {
					t.Error("no progress of the conversion")
				}
				var out bytes.Buffer
				if err := e.Export(t.Context(), Volume{Dir: dir, Layout: layout}, ExportOptions{Format: Raw}, &out); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(out.Bytes()[:len(b)], b) || !zeros(out.Bytes()[len(b):]) || uint64(out.Len()) != x.want {
					t.Error("it holds something else")
				}
			})
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	for name, x := range map[string]struct {
		ctx  context.Context
		opt  ImportOptions
		kind sdk.Kind
		want string
	}{
		"wrong sum":        {nil, ImportOptions{Source: Source{Path: filepath.Join(from, "raw")}, From: Raw, To: Raw, SHA256: strings.Repeat("0", 64)}, sdk.Invalid, "sha256"},
		"no sum":           {nil, ImportOptions{Source: Source{Path: filepath.Join(from, "raw")}, From: Raw, To: Raw, SHA256: "abc"}, sdk.Invalid, "64 hexadecimal"},
		"too long":         {nil, ImportOptions{Source: Source{Path: filepath.Join(from, "raw")}, From: Raw, To: Raw, MaxReadBytes: 1 << 20}, sdk.Invalid, "longer than"},
		"too long, stream": {nil, ImportOptions{Source: Source{Reader: bytes.NewReader(b)}, From: Raw, To: Raw, MaxReadBytes: 1 << 20}, sdk.Invalid, "longer than"},
		"too small":        {nil, ImportOptions{Source: Source{Path: filepath.Join(from, "qcow2")}, From: QCOW2, To: Raw, SizeBytes: 1 << 20}, sdk.Invalid, "more than the volume"},
		"not found":        {nil, ImportOptions{Source: Source{URL: served.URL + "/nothing"}, From: Raw, To: Raw}, sdk.Invalid, "404"},
		"file URL":         {nil, ImportOptions{Source: Source{URL: "file:///etc/passwd"}, From: Raw, To: Raw}, sdk.Invalid, "https://"},
		"directory":        {nil, ImportOptions{Source: Source{Path: from}, From: Raw, To: Raw}, sdk.Invalid, "no file"},
		"no source":        {nil, ImportOptions{From: Raw, To: Raw}, sdk.Invalid, "one source"},
		"given up":         {nil, ImportOptions{Source: Source{Reader: io.MultiReader(bytes.NewReader(b), broken{})}, From: Raw, To: Raw}, sdk.Unavailable, "gave up"},
		"cancelled":        {cancelled, ImportOptions{Source: Source{Reader: endless{cancel}}, From: Raw, To: Raw}, sdk.Unavailable, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx := x.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			_, err := e.Import(ctx, dir, x.opt)
			kindIs(t, err, x.kind)
			if !strings.Contains(err.Error(), x.want) {
				t.Errorf("error %v, want %q", err, x.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the sender gave up") }

// endless is cancelled by its reader.
type endless struct{ cancel func() }

func (x endless) Read(b []byte) (int, error) {
	x.cancel()
	return len(b), nil
}

// TestExport sends a volume and its snapshots in both formats, which can be
// imported again.
func TestExport(t *testing.T) {
	t.Parallel()
	d := newDisk(t, theTools(t), QCOW2, 8<<20)
	d.write(3, 3)
	d.do(Change{Op: OpSnapshot, Layer: "a"})
	d.write(3, 4)
	d.write(2000, 5)
	d.serve()
	kindIs(t, d.e.Export(t.Context(), d.Volume, ExportOptions{Format: Raw}, io.Discard), sdk.Busy)
	for _, format := range []Format{Raw, QCOW2} {
		for layer, running := range map[string]bool{"a": true, "": false} {
			if !running {
				d.stop()
			} else if d.Daemon == nil {
				d.serve()
			}
			var out bytes.Buffer
			var total uint64
			opt := ExportOptions{Layer: layer, Format: format, Begin: func(n uint64) error { total = n; return nil }}
			if err := d.e.Export(t.Context(), d.Volume, opt, &out); err != nil {
				t.Fatal(err)
			}
			if total != uint64(out.Len()) {
				t.Errorf("%d bytes were announced, %d came", total, out.Len())
			}
			dir := t.TempDir()
			layout, err := d.e.Import(t.Context(), dir, ImportOptions{Source: Source{Reader: &out}, From: format, To: Raw})
			if err != nil {
				t.Fatal(err)
			}
			got := wrap(t, d.e, Volume{Dir: dir, Layout: layout})
			got.holds = d.holds
			if layer != "" {
				got.holds = d.layers[layer]
			}
			got.check("export of " + layer + " as " + string(format))
		}
	}
	d.wellFormed()
	kindIs(t, d.e.Export(t.Context(), d.Volume, ExportOptions{Format: Raw, Layer: "b"}, io.Discard), sdk.NotFound)
	kindIs(t, d.e.Export(t.Context(), d.Volume, ExportOptions{Format: "vmdk"}, io.Discard), sdk.Invalid)
}
