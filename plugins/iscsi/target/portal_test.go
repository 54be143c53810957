package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// A portal that somebody else has is said to be, and another works.
func TestPortalTaken(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	ensure(t, h, v)
	other := testVolume(t, 1<<20)
	other.Key, other.Portals = "vol2", v.Portals
	_, err := h.Ensure(t.Context(), other)
	if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Kind != sdk.Conflict || e.Code != PortalTaken {
		t.Fatalf("a portal that is taken: %v", err)
	}
	if s, err := h.Status(t.Context(), "vol2"); err != nil || len(s.Portals) > 0 {
		t.Errorf("it listens on %v, %v: want nothing", s, err)
	}
	other.Portals = []string{portal(t), portal(t)}
	if s := ensure(t, h, other); len(s.Portals) != 2 {
		t.Errorf("it listens on %v, want %v", s.Portals, other.Portals)
	}
	if err := inquire(t, other.login(0)); err != nil {
		t.Error(err)
	}
	other.Portals = []string{"192.0.2.1:3260"}
	if _, err := h.Ensure(t.Context(), other); sdk.KindOf(err) != sdk.Unavailable || !strings.Contains(fmt.Sprint(err), "no such address") {
		t.Errorf("an address of another machine: %v", err)
	}
}

// What is at the image's path counts, commas in it too.
func TestImageByItsPath(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	path := filepath.Join(filepath.Dir(v.Image), "a, b=c")
	if err := os.Rename(v.Image, path); err != nil {
		t.Fatal(err)
	}
	v.Image = path
	v.Locks = func(context.Context) ([]*os.File, error) {
		image, err := LockImage(path)
		return []*os.File{image}, err
	}
	first := ensure(t, h, v)
	if first.Image != path {
		t.Errorf("it serves %q, want %q", first.Image, path)
	}
	// Replaced by another of the same size: what is served is no longer it.
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Status(t.Context(), v.Key); err != nil || !s.Stale {
		t.Errorf("a daemon of a replaced image is not stale: %+v, %v", s, err)
	}
	if s := ensure(t, h, v); s.Pid == first.Pid || s.Stale {
		t.Errorf("after Ensure it is %+v", s)
	}
	if use, err := ProbeImage(path); err != nil || !use.Written {
		t.Errorf("the new file is used as %+v, %v: want it locked", use, err)
	}
	for name, bad := range map[string]string{"directory": filepath.Dir(path), "missing": path + ".none"} {
		v.Image = bad
		if _, err := h.Ensure(t.Context(), v); err == nil {
			t.Errorf("%s: was served", name)
		}
	}
}
