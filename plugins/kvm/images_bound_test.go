package kvm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// withLength says how much it sends, endless does not, nor does it end.
func withLength(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}

func endless(sent *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for {
			n, err := w.Write(make([]byte, 64<<10))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}
}

// cached lists what is in the cache, without locks.
func cached(t *testing.T) []string {
	t.Helper()
	dir, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".lock") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// An image that is larger than what holds for it is refused definitely, leaves
// nothing, and the error says what was too small and how large it would be.
func TestImageTooLarge(t *testing.T) {
	const most = 1 << 20
	config := bound{bytes: most, kind: sdk.Unsupported, why: "max_image_gib of the settings is 0", hint: "set max_image_gib to more"}
	pool := roomIn("pool p of host h", imageReserve+most)
	var sent atomic.Int64
	for name, test := range map[string]struct {
		server http.HandlerFunc
		part   int // what an earlier try has left
		within bounds
		kind   sdk.Kind
		text   string
	}{
		"its length is too much":         {withLength(make([]byte, most+1)), 0, bounds{config}, sdk.Unsupported, "sends has 1.0 MiB, and max_image_gib of the settings is 0"},
		"it does not end":                {endless(&sent), 0, bounds{config}, sdk.Unsupported, "sends has more than 1.0 MiB, and max_image_gib"},
		"the pool has no room":           {withLength(make([]byte, most+1)), 0, bounds{config, roomIn("pool p of host h", imageReserve+512<<10)}, sdk.Exhausted, "pool p of host h has 1.0 GiB free, of which 1.0 GiB stay free"},
		"the pool has less than is kept": {withLength(make([]byte, 1)), 0, bounds{config, roomIn("pool p of host h", imageReserve/2)}, sdk.Exhausted, "pool p of host h has 512.0 MiB free"},
		"the rest is too much":           {withLength(make([]byte, most+1)), most / 2, bounds{pool}, sdk.Exhausted, "pool p of host h"},
		"a part is too much":             {withLength(make([]byte, most+2)), most + 1, bounds{config}, sdk.Unsupported, "has more than 1.0 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			server := httptest.NewServer(test.server)
			defer server.Close()
			im := Image{OSFamily: "linux", URL: server.URL, Format: "raw", SHA256: strings.Repeat("ab", 32)}
			if test.part > 0 {
				dir, err := cacheDir()
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, im.SHA256+".part"), make([]byte, test.part), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := new(imageStore).open(t.Context(), &im, test.within, &job{changed: make(chan struct{})})
			e, ok := errors.AsType[*sdk.Error](err)
			if !ok || e.Kind != test.kind || !definite(err) || e.Hint == "" {
				t.Fatalf("%#v, want %s with a hint", err, test.kind)
			}
			if !strings.Contains(strings.ReplaceAll(e.Text, server.URL+" ", ""), test.text) {
				t.Errorf("the error says %q, want %q", e.Text, test.text)
			}
			if left := cached(t); len(left) > 0 {
				t.Errorf("left in the cache: %v", left)
			}
		})
	}
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d bytes of an endless image were taken", n)
	}
}

// What is within bounds is fetched, also where the server does not say how much
// it is.
func TestImageWithinBounds(t *testing.T) {
	content := bytes.Repeat([]byte("meson"), 100_000)
	for name, server := range map[string]http.HandlerFunc{
		"with its length": withLength(content),
		"without": func(w http.ResponseWriter, _ *http.Request) {
			for c := range slices.Chunk(content, 64<<10) {
				_, _ = w.Write(c)
				w.(http.Flusher).Flush()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			server := httptest.NewServer(server)
			defer server.Close()
			im := Image{OSFamily: "linux", URL: server.URL, Format: "raw", SHA256: sha(content)}
			within := bounds{{bytes: uint64(len(content)), kind: sdk.Unsupported}, (&Config{}).allowed()}
			f, err := new(imageStore).open(t.Context(), &im, within, &job{changed: make(chan struct{})})
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		})
	}
}

func TestImageBounds(t *testing.T) {
	if b := (&Config{}).allowed(); b.bytes != 64<<30 {
		t.Errorf("the default allows %d bytes", b.bytes)
	}
	if b := (&Config{MaxImageGiB: 3}).allowed(); b.bytes != 3<<30 {
		t.Errorf("3 GiB allow %d bytes", b.bytes)
	}
	var st syscall.Statfs_t
	dir := t.TempDir()
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	if b := roomAt(dir, 0); len(b) != 1 || b[0].bytes > st.Blocks*uint64(st.Bsize) {
		t.Errorf("room: %v", b)
	}
	full := fmt.Errorf("write: %w", syscall.ENOSPC)
	if err := noSpace(&Image{}, "/x/y", full); sdk.KindOf(err) != sdk.Exhausted || !strings.Contains(err.Error(), "/x") {
		t.Errorf("a full file system: %v", err)
	}
	if err := noSpace(&Image{}, "/x/y", errors.New("broken")); sdk.KindOf(err) == sdk.Exhausted {
		t.Errorf("another error: %v", err)
	}
}

// The pool of a host bounds what is fetched for it.
func TestImageBoundByPool(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("boot", l.hosts()[0]), Hooks{})
	room, err := p.places[0].room(t.Context())
	if err != nil || len(room) != 1 || room[0].bytes == 0 || !strings.Contains(room[0].why, "of host "+l.hosts()[0]) {
		t.Errorf("%v, %v", room, err)
	}
}
