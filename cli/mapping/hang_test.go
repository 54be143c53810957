package mapping

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

// A server that says nothing is waited for as long as the caller waits, and
// nothing is left.
func TestServerThatSaysNothing(t *testing.T) {
	m := newMapper(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	_, err = m.Map(ctx, Request{ID: "a", Connection: core.Connection{
		Kind: core.ConnectNBD, NBD: &core.NBDConnection{URI: "nbd://" + l.Addr().String() + "/x"},
	}})
	if core.KindOf(err) != core.Unavailable || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v; want Unavailable after a second", err, time.Since(start))
	}
	nothingLeft(t, m, "a", 0)
}

// While the volume takes nothing, what was written stays mapped; Force ends it
// all the same. Without anything to write, a server that hangs is no reason to
// stay.
func TestUnmapWhileTheTargetHangs(t *testing.T) {
	for _, dirty := range []bool{true, false} {
		t.Run(fmt.Sprintf("dirty %v", dirty), func(t *testing.T) {
			m := newMapper(t)
			target := newTarget(t)
			got, err := m.Map(t.Context(), Request{ID: "at-1", Connection: target.Way})
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(got.File, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(pattern(4096), 0); err != nil {
				t.Fatal(err)
			}
			if !dirty {
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := syscall.Kill(target.pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if dirty {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				if err := m.Unmap(ctx, "at-1", UnmapOptions{}); core.KindOf(err) != core.Unavailable {
					t.Errorf("%v; want Unavailable", err)
				}
				if list, err := m.List(t.Context()); err != nil || len(list) != 1 || list[0].State != Active {
					t.Errorf("%+v, %v; want that it is as it was", list, err)
				}
			}
			if err := m.Unmap(t.Context(), "at-1", UnmapOptions{Force: dirty}); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 3*flushPatience {
				t.Errorf("it took %v", took)
			}
			nothingLeft(t, m, "at-1", got.PID)
		})
	}
}
