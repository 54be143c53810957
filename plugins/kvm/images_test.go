package kvm

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Four processes that know nothing of each other make machines of an image that
// the host does not have yet. All of them run, and the image in the pool is the
// image.
func TestImageSentByMany(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[2]
	config := ownImage(t, l, host, 24<<20)
	p := openProvider(t, config, Hooks{})
	broker := unique(t)
	var children []*child
	for _, name := range []string{"a", "b", "c", "d"} {
		req := plainRequest(broker, broker+"-"+name, host, bootPledge())
		away(t, p, req.GetOwner())
		children = append(children, startChild(t, task{Config: config, Creates: [][]byte{mustMarshal(req)}}))
	}
	for _, c := range children {
		results, _ := c.wait(t)
		if len(results) != 1 || results[0].State != pb.InstanceState_INSTANCE_STATE_RUNNING {
			t.Errorf("%+v\n%s", results, c.err.String())
		}
	}
	want, err := os.ReadFile(config.Images[0].File)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(l["MESON_LAB_"+strings.ToUpper(host)+"_POOL_DIR"], baseName(&config.Images[0]))
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("the image in the pool is not the image: %d bytes, want %d", len(have), len(want))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Errorf("the image can be written to: %v, %v", info.Mode(), err)
	}
}

// What a sender that died has left is gone on with, and a note that an image is
// whole is not believed of one that is shorter.
func TestImageTakenOver(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[2]
	config := ownImage(t, l, host, 2<<20)
	p := openProvider(t, config, Hooks{})
	im, at := &config.Images[0], p.places[0]
	content, err := os.ReadFile(im.File)
	if err != nil {
		t.Fatal(err)
	}
	half := len(content) / 2
	for _, name := range []string{baseName(im), wholeName(im, uint64(len(content)), uint64(len(content)))} {
		if _, err := at.ensure(t.Context(), volume{name: name, format: "raw", mode: "0444"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := at.send(t.Context(), baseName(im), 0, bytesOf(content[:half])); err != nil {
		t.Fatal(err)
	}
	if b, err := at.whole(t.Context(), im); err != nil || b != nil {
		t.Fatalf("half of an image is taken for whole: %v, %v", b, err)
	}
	broker := unique(t)
	req := plainRequest(broker, broker+"-t", host, bootPledge())
	away(t, p, req.GetOwner())
	until(t, p, req)
	have, err := os.ReadFile(filepath.Join(l["MESON_LAB_"+strings.ToUpper(host)+"_POOL_DIR"], baseName(im)))
	if err != nil || !bytes.Equal(have, content) {
		t.Errorf("the image in the pool is not the image: %d bytes, want %d; %v", len(have), len(content), err)
	}
}

func TestWholeName(t *testing.T) {
	im := &Image{SHA256: strings.Repeat("0123456789abcdef", 4)}
	for name, want := range map[string]bool{
		wholeName(im, 5, 7):                         true,
		"meson-base-0123456789abcdef.5.7.whole":     true,
		"meson-base-0123456789abcdef.05.7.whole":    false,
		"meson-base-0123456789abcdef.5.7.whole.old": false,
		"meson-base-0123456789abcdef.5.whole":       false,
		"meson-base-0123456789abcdef.qcow2":         false,
		"meson-base-fedcba9876543210.5.7.whole":     false,
		"meson-base-0123456789abcdef.-5.7.whole":    false,
		"meson-base-0123456789abcdef.5.7.8.whole":   false,
	} {
		length, virtual, ok := parseWhole(im, name)
		if ok != want || ok && (length != 5 || virtual != 7) {
			t.Errorf("%s: %d, %d, %v", name, length, virtual, ok)
		}
	}
}

// What does not match its checksum is never sent, and the refusal is definite:
// nothing is left.
func TestImageWithWrongChecksum(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	config := ownImage(t, l, host, 1<<20)
	right := config.Images[0].SHA256
	config.Images[0].SHA256 = strings.Repeat("ab", 32)
	p := openProvider(t, config, Hooks{})
	broker := unique(t)
	req := plainRequest(broker, broker+"-x", host, bootPledge())
	away(t, p, req.GetOwner())
	_, err := p.Create(t.Context(), req)
	if sdk.KindOf(err) != sdk.Unsupported || !strings.Contains(err.Error(), right) {
		t.Errorf("%v, want Unsupported with the checksum found, %s", err, right)
	}
	if left := remains(t, l, machineUUID(broker, req.GetOwner().GetKey()), "meson-base-"+strings.Repeat("ab", 8)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A boot disk smaller than its image is refused with the size that would do.
func TestImageLargerThanDisk(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	path := filepath.Join(t.TempDir(), "large.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-f", "qcow2", path, "2561M").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config := l.config("boot", host)
	// The header's creation leaves nothing random in it: the name in the pool is
	// told apart by a byte after the end.
	content = append(content, unique(t)...)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	config.Images[0] = Image{OSFamily: "linux", File: path, Format: "qcow2", SHA256: sha(content)}
	t.Cleanup(func() { dropImage(t, l, host, &config.Images[0]) })
	p := openProvider(t, config, Hooks{})
	broker := unique(t)
	req := plainRequest(broker, broker+"-x", host, bootPledge())
	away(t, p, req.GetOwner())
	_, err = p.Create(t.Context(), req)
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Kind != sdk.Unsupported || !strings.Contains(e.Hint, "min_disk_gib of the image to 3") {
		t.Errorf("%v, want Unsupported with a hint of 3 GiB", err)
	}
	if left := remains(t, l, machineUUID(broker, req.GetOwner().GetKey())); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// An image behind a URL is fetched once, by one at a time, and goes on where a
// broken connection ended it.
func TestImageFetched(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	l := theLab(t)
	config := ownImage(t, l, l.hosts()[0], 4<<20)
	im := config.Images[0]
	content, err := os.ReadFile(im.File)
	if err != nil {
		t.Fatal(err)
	}
	var requests, resumed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:1<<20])
			panic(http.ErrAbortHandler)
		}
		if r.Header.Get("Range") != "" {
			resumed.Add(1)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	im.URL, im.File = server.URL, ""

	j := &job{changed: make(chan struct{})}
	if _, err := new(imageStore).open(t.Context(), &im, nil, j); sdk.KindOf(err) != sdk.Unavailable {
		t.Fatalf("a connection that breaks: %v, want Unavailable", err)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			f, err := new(imageStore).open(t.Context(), &im, nil, &job{changed: make(chan struct{})})
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			have, err := io.ReadAll(f)
			if err != nil || !bytes.Equal(have, content) {
				t.Errorf("fetched %d bytes, want %d; %v", len(have), len(content), err)
			}
		})
	}
	wg.Wait()
	if requests.Load() != 2 || resumed.Load() != 1 {
		t.Errorf("%d requests of which %d for the rest, want 2 and 1", requests.Load(), resumed.Load())
	}
	im.SHA256 = strings.Repeat("cd", 32)
	if _, err := new(imageStore).open(t.Context(), &im, nil, j); sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("a wrong checksum: %v, want Unsupported", err)
	}
}

// An image that changes while it is sent never becomes whole.
func TestCheckedReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image")
	content := bytes.Repeat([]byte("meson"), 100_000)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	im := &Image{OSFamily: "linux", File: path, Format: "raw", SHA256: sha(content)}
	j := &job{changed: make(chan struct{})}
	for _, offset := range []int{0, 1, 5, heldBack, len(content) - heldBack, len(content) - 1} {
		f, err := new(imageStore).open(t.Context(), im, nil, j)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.from(uint64(offset), func(uint64) {})
		if err != nil {
			t.Fatal(err)
		}
		if have, err := io.ReadAll(r); err != nil || !bytes.Equal(have, content[offset:]) {
			t.Errorf("from %d: %d bytes, want %d; %v", offset, len(have), len(content)-offset, err)
		}
		f.Close()
	}
	f, err := new(imageStore).open(t.Context(), im, nil, j)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	changed := bytes.Clone(content)
	changed[7]++
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := f.from(0, func(uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	have, err := io.ReadAll(r)
	if !errors.Is(err, errChecksum) || len(have) >= len(content) {
		t.Errorf("a changed image: %d bytes of %d, %v; want a checksum error before the end", len(have), len(content), err)
	}
}

func TestVirtualSize(t *testing.T) {
	qcow := make([]byte, 64)
	copy(qcow, "QFI\xfb\x00\x00\x00\x03")

	qcow[28] = 0x40 // 1 GiB in the big-endian bytes 24 to 31
	backed := bytes.Clone(qcow)
	backed[15] = 104
	for name, c := range map[string]struct {
		data   []byte
		format string
		want   uint64
		fails  bool
	}{
		"qcow2":              {qcow, "qcow2", 1 << 30, false},
		"raw":                {qcow, "raw", 64, false},
		"not a qcow2":        {make([]byte, 64), "qcow2", 0, true},
		"too short":          {qcow[:20], "qcow2", 0, true},
		"has a backing file": {backed, "qcow2", 0, true},
	} {
		have, err := virtualSize(bytes.NewReader(c.data), c.format, uint64(len(c.data)))
		if have != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %d, %v", name, have, err)
		}
	}
}
