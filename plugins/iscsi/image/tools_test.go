package image

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// theTools skips a test where there are no tools, and fails it where there must
// be.
func theTools(tb testing.TB) *Engine {
	tb.Helper()
	e := New(Options{})
	if err := e.Check(); err != nil {
		if slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), "iscsi") {
			tb.Fatalf("%v; install it with lab/deps iscsi", err)
		}
		tb.Skip(err)
	}
	return e
}

// theFUSE is the same for /dev/fuse.
func theFUSE(tb testing.TB) {
	tb.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		_ = f.Close()
		return
	}
	if slices.Contains(strings.Split(os.Getenv("MESON_REQUIRE"), ","), "iscsi") {
		tb.Fatal(err)
	}
	tb.Skip(err)
}

func kindIs(t *testing.T, err error, want sdk.Kind) {
	t.Helper()
	if got := sdk.KindOf(err); got != want {
		t.Fatalf("error %v is %q, want %q", err, got, want)
	}
}

// eventually waits for what other processes do.
func eventually(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for until := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			tb.Fatalf("not %s after 20 s", what)
		}
	}
}

// tool runs a command of QEMU's in a directory.
func tool(tb testing.TB, dir string, args ...string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// patch writes big-endian numbers over a file, by offset.
func patch(tb testing.TB, path string, at int64, value any) {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	_ = binary.Write(&b, binary.BigEndian, value)
	if _, err := f.WriteAt(b.Bytes(), at); err != nil {
		tb.Fatal(err)
	}
}

// clusters holds the image of a folder, and all that it stands on, against how each
// qcow2 is made, in QEMU's own words.
func clusters(tb testing.TB, dir string) {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "qemu-img", "info", "--backing-chain", "--output=json", filepath.Join(dir, DataFile)).Output()
	if err != nil {
		tb.Fatal(err)
	}
	var chain []struct {
		Filename    string
		Format      string
		ClusterSize int `json:"cluster-size"`
		Specific    struct {
			Data struct {
				ExtendedL2 bool `json:"extended-l2"`
			}
		} `json:"format-specific"`
	}
	if err := json.Unmarshal(out, &chain); err != nil {
		tb.Fatal(err)
	}
	seen := 0
	for _, x := range chain {
		if x.Format != string(QCOW2) {
			continue
		}
		if seen++; x.ClusterSize != 128<<10 || !x.Specific.Data.ExtendedL2 {
			tb.Errorf("%s has clusters of %d bytes, extended L2 %v: want 131072 and true", x.Filename, x.ClusterSize, x.Specific.Data.ExtendedL2)
		}
	}
	if seen == 0 {
		tb.Errorf("no qcow2 in %s", out)
	}
}
