package iscsi

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What the settings do not allow is not read by a detour either: a link, a redirect,
// a FIFO that nobody writes.
func TestImagesByDetours(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img")
	outside := filepath.Join(t.TempDir(), "secret.raw")
	dir := t.TempDir()
	asked := false
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		_, _ = w.Write(make([]byte, 4096))
	}))
	defer secret.Close()
	public := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out.raw":
			http.Redirect(w, r, secret.URL+"/x.raw", http.StatusFound)
		case "/in.raw":
			http.Redirect(w, r, "/y.raw", http.StatusFound)
		default:
			_, _ = w.Write(make([]byte, 4096))
		}
	}))
	defer public.Close()
	for _, err := range []error{
		os.WriteFile(outside, make([]byte, 4096), 0o600),
		os.Symlink(outside, filepath.Join(dir, "link.raw")),
		os.WriteFile(filepath.Join(dir, "own.raw"), make([]byte, 4096), 0o600),
		os.Symlink("own.raw", filepath.Join(dir, "near.raw")),
		unix.Mkfifo(filepath.Join(dir, "fifo.raw"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := newSite(t, map[string]any{"image_sources": []string{dir, public.URL + "/"}}).provider(Hooks{})
	for url, good := range map[string]bool{
		dir + "/near.raw":            true,
		public.URL + "/in.raw":       true,
		dir + "/link.raw":            false,
		dir + "/fifo.raw":            false,
		public.URL + "/out.raw":      false,
		"file://" + outside:          false,
		dir + "/../x.raw":            false,
		public.URL + "/%2e%2e/x.raw": false,
		"/etc/shadow#raw":            false,
	} {
		begun := time.Now()
		req := order(t, p, "raw", 1<<27)
		req.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: url}}
		v, err := p.CreateVolume(t.Context(), req)
		if good != (err == nil) || sdk.KindOf(err) == sdk.Internal || v.GetState() == pb.VolumeState_VOLUME_STATE_CREATING || time.Since(begun) > 10*time.Second {
			t.Errorf("%s: %v, %v: want good: %v", url, v, err, good)
		}
	}
	if asked {
		t.Error("a server that is not allowed was asked")
	}
}
