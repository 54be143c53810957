package host

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

// A plugin that runs already is dialled: never started, drained or ended. When
// its connection is lost it is dialled again, and its providers configured anew.
func TestConnect(t *testing.T) {
	for _, by := range []string{"connect", "reattach"} {
		t.Run(by, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			stop := serveUnix(t, path)
			h := newHost(t, func(o *Options) {
				o.Finder.Dirs = []string{t.TempDir()}
				if by == "reattach" {
					o.Reattach = `{"rogue":"unix:` + path + `"}`
				}
			})
			cfg := core.ProviderConfig{Name: "configured", Plugin: "rogue", Settings: []byte(`{"a":1}`)}
			if by == "connect" {
				cfg.Connect = "unix:" + path
			}
			p := h.Provider(cfg)
			want := `configured {"a":1} map[]`
			for range 2 {
				if got := ask(t, p); got != want {
					t.Errorf("configured: %s\nwant %s", got, want)
				}
			}
			stop()
			eventually(t, 5*time.Second, "the loss is noticed", func() bool {
				ctx, cancel := contextWithTimeout(t, 100*time.Millisecond)
				defer cancel()
				_, err := p.Check(ctx)
				return core.KindOf(err) == core.Unavailable
			})
			stop = serveUnix(t, path)
			eventually(t, 10*time.Second, "it is dialled again", func() bool {
				items, err := p.Check(t.Context())
				return err == nil && items[0].Text == want
			})
			if err := h.Close(t.Context()); err != nil {
				t.Error(err)
			}
			// It lives on, for others.
			h2 := newHost(t)
			cfg.Connect = "unix:" + path
			ask(t, h2.Provider(cfg))
			stop()
		})
	}
}

func TestConnectRefusals(t *testing.T) {
	h := newHost(t)
	for address, kind := range map[string]core.Kind{
		"tcp:127.0.0.1:1":                      core.Invalid,
		"unix:relative":                        core.Invalid,
		"unix:/" + strings.Repeat("x", 200):    core.Invalid,
		"unix:" + t.TempDir() + "/not-there":   core.Unavailable,
		"unix:" + filepath.Join(t.TempDir()):   core.Unavailable,
		"unix:/proc/self/environ\x00\x1b[0mxx": core.Invalid,
	} {
		p := h.Provider(core.ProviderConfig{Name: "p", Plugin: "rogue", Connect: address})
		_, err := p.Describe(t.Context())
		if core.KindOf(err) != kind || strings.ContainsRune(fmt.Sprint(err), 0x1b) {
			t.Errorf("%q: %v: want %s", address, err, kind)
		}
	}
	bad := New(Options{Reattach: "nonsense"})
	defer bad.Close(t.Context())
	if _, err := bad.Plugin(t.Context(), "rogue"); core.KindOf(err) != core.Invalid {
		t.Errorf("%v: want Invalid", err)
	}
}
