package chain

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// tree is a host in little: what volumes may be in, and what is none of theirs.
type tree struct {
	t          *testing.T
	dir, other string
}

func newTree(t *testing.T) tree {
	t.Helper()
	// What a test's own directory is called after its links.
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	x := tree{t, filepath.Join(root, "vault"), filepath.Join(root, "host")}
	for _, dir := range []string{x.dir, x.other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	x.put(filepath.Join(x.other, "shadow"), []byte("root:*:\n"))
	return x
}

func (x tree) put(path string, b []byte) string {
	x.t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(x.dir, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		x.t.Fatal(err)
	}
	return path
}

func (x tree) link(to, name string) string {
	x.t.Helper()
	path := filepath.Join(x.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		x.t.Fatal(err)
	}
	return path
}

func (x tree) look(path, format string, dirs ...string) ([]link.Layer, error) {
	return Look(Request{Op: "attach volume", Attachment: "a-1", Dirs: append(dirs, x.dir), File: link.File{Path: path, Format: format}})
}

// The files that one stands on are found by their recorded names and formats, from
// where links have led.
func TestLook(t *testing.T) {
	x := newTree(t)
	x.put("v/base.img", []byte("raw"))
	x.put("v/snap-1.img", on("base.img", "raw"))
	chained := x.put("v/data.img", on("snap-1.img", "qcow2"))
	absolute := x.put("abs.img", on(filepath.Join(x.dir, "v/base.img"), "raw"))
	// A step up from where the link has led, not from where it stands.
	x.put("deep/er/up.img", on("../base.img", "raw"))
	x.put("deep/base.img", []byte("another"))
	x.put("base.img", []byte("a third"))
	linked := x.link(filepath.Join(x.dir, "deep/er"), "short") + "/up.img"
	outer := filepath.Join(x.other, "outer")
	x.put(filepath.Join(outer, "o.img"), on("shadow-of-it", "raw"))
	x.put(filepath.Join(outer, "shadow-of-it"), nil)
	in := func(names ...string) (all []link.Layer) {
		for _, n := range names {
			path, format, _ := strings.Cut(n, " ")
			all = append(all, link.Layer{Path: filepath.Join(x.dir, path), Format: format})
		}
		return all
	}
	for name, c := range map[string]struct {
		path, format string
		dirs         []string
		want         []link.Layer
	}{
		"raw":               {x.put("r.img", []byte("x")), "raw", nil, nil},
		"raw, as an image":  {x.put("guest.img", on(filepath.Join(x.other, "shadow"), "raw")), "raw", nil, nil},
		"alone":             {x.put("q.img", image(3, 0, "")), "qcow2", nil, nil},
		"chain":             {chained, "qcow2", nil, in("v/snap-1.img qcow2", "v/base.img raw")},
		"absolute":          {absolute, "qcow2", nil, in("v/base.img raw")},
		"through a link":    {linked, "qcow2", nil, in("deep/base.img raw")},
		"a link to inside":  {x.link("v/data.img", "way"), "raw", nil, nil},
		"an allowed way":    {x.link(outer, "out") + "/o.img", "qcow2", []string{outer}, []link.Layer{{Path: filepath.Join(outer, "shadow-of-it"), Format: "raw"}}},
		"a linked root":     {filepath.Join(x.link(outer, "root"), "o.img"), "qcow2", []string{filepath.Join(x.dir, "root")}, []link.Layer{{Path: filepath.Join(outer, "shadow-of-it"), Format: "raw"}}},
		"an image in a raw": {x.put("on-raw.img", on("guest.img", "raw")), "qcow2", nil, in("guest.img raw")},
	} {
		have, err := x.look(c.path, c.format, c.dirs...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if d := cmp.Diff(c.want, have); d != "" {
			t.Errorf("%s (-want +have):\n%s", name, d)
		}
	}
}

// What leads to anything of the host that is no volume, or would be guessed, is
// Denied; what is not there is Unavailable.
func TestLookRefuses(t *testing.T) {
	x := newTree(t)
	shadow := filepath.Join(x.other, "shadow")
	up := "../host/shadow"
	fifo := filepath.Join(x.dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	x.put("loop.img", on("loop.img", "qcow2"))
	x.put("base.img", nil)
	x.link(shadow, "s")
	x.put("two.img", on("s", "raw"))
	for name, c := range map[string]struct {
		path, format string
		kind         sdk.Kind
		says         string
	}{
		"a link":                     {x.link(shadow, "l1"), "raw", sdk.Denied, "leads to"},
		"a link of qcow2":            {x.link(shadow, "l2"), "qcow2", sdk.Denied, "leads to"},
		"a directory that is a link": {x.link(x.other, "l3") + "/shadow", "raw", sdk.Denied, "leads to"},
		"backing file":               {x.put("b1", on(shadow, "raw")), "qcow2", sdk.Denied, "stands on"},
		"relative":                   {x.put("b2", on(up, "raw")), "qcow2", sdk.Denied, "stands on"},
		"a link below":               {x.put("b3", on("s", "raw")), "qcow2", sdk.Denied, "stands on"},
		"the second":                 {x.put("b4", on("two.img", "qcow2")), "qcow2", sdk.Denied, "stands on"},
		"in another format":          {x.put("b5", on("base.img", "vmdk")), "qcow2", sdk.Denied, "vmdk"},
		"of a format that is not":    {x.put("b6", image(3, 0, "base.img")), "qcow2", sdk.Denied, "never guessed"},
		"json":                       {x.put("b7", on(`json:{"driver":"raw","file":{"filename":"`+shadow+`"}}`, "raw")), "qcow2", sdk.Denied, "no file of a volume"},
		"protocol":                   {x.put("b8", on("nbd://h/x", "raw")), "qcow2", sdk.Denied, "no file of a volume"},
		"host device":                {x.put("b9", on("host_device:/dev/sda", "raw")), "qcow2", sdk.Denied, "no file of a volume"},
		"two names":                  {x.put("c1", on("base.img\x00"+shadow, "raw")), "qcow2", sdk.Denied, "no name"},
		"data file":                  {x.put("c2", image(3, bitDataFile, "", extension{extDataFile, shadow})), "qcow2", sdk.Denied, "another file"},
		"data file that has no name": {x.put("c3", image(3, bitDataFile, "")), "qcow2", sdk.Denied, "another file"},
		"data file of the second":    {x.put("c4", on("c2", "qcow2")), "qcow2", sdk.Denied, "another file"},
		"circle":                     {filepath.Join(x.dir, "loop.img"), "qcow2", sdk.Denied, "more than"},
		"no qcow2":                   {x.put("c5", []byte("root")), "qcow2", sdk.Denied, "recorded as qcow2"},
		"pipe":                       {fifo, "qcow2", sdk.Denied, "no plain file"},
		"raw pipe":                   {fifo, "raw", sdk.Denied, "no plain file"},
		"directory":                  {filepath.Dir(x.put("d/x", nil)), "raw", sdk.Denied, "no plain file"},
		"device":                     {x.link("/dev/null", "dev"), "raw", sdk.Denied, "leads to"},
		"absent":                     {filepath.Join(x.dir, "none"), "raw", sdk.Unavailable, "not served"},
		"absent below":               {x.put("c6", on("none", "raw")), "qcow2", sdk.Unavailable, "none"},
		"a link to nothing":          {x.link("w2", "w1"), "raw", sdk.Unavailable, "not served"},
	} {
		below, err := x.look(c.path, c.format)
		if sdk.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || below != nil {
			t.Errorf("%s: %v, %v, want %s and %q", name, below, err, c.kind, c.says)
		}
	}
}
