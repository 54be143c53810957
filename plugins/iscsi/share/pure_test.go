package share

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/sdk"
)

// Numbers stay with their attachments until these are known to be gone, are not
// used again before all others were, and are never 0.
func TestNumbers(t *testing.T) {
	list := func(ids ...string) []Export {
		var out []Export
		for _, id := range ids {
			out = append(out, Export{Attachment: id})
		}
		return out
	}
	st := &state{Next: 65534, Numbers: map[string]uint16{}}
	for _, step := range []struct {
		have    []Export
		loaded  bool
		want    map[string]uint16
		changed bool
	}{
		{list("a", "b", "c"), true, map[string]uint16{"a": 65534, "b": 65535, "c": 1}, true},
		{list("a", "b", "c"), true, map[string]uint16{"a": 65534, "b": 65535, "c": 1}, false},
		{list("b", "c"), false, map[string]uint16{"a": 65534, "b": 65535, "c": 1}, false},
		{list("a", "b", "c"), true, map[string]uint16{"a": 65534, "b": 65535, "c": 1}, false},
		{list("b", "c"), true, map[string]uint16{"b": 65535, "c": 1}, false},
		{list("b", "d", "c"), true, map[string]uint16{"b": 65535, "c": 1, "d": 2}, true},
		{list(), true, map[string]uint16{}, false},
		{list("e"), true, map[string]uint16{"e": 3}, true},
	} {
		changed := st.assign(step.have)
		if step.loaded {
			st.forget(step.have)
		}
		if d := cmp.Diff(step.want, st.Numbers); d != "" || changed != step.changed {
			t.Errorf("changed: %v; want -, got +\n%s", changed, d)
		}
	}
	// Two that were recorded with one number, which is not to be.
	st = &state{Next: 7, Numbers: map[string]uint16{"a": 5, "b": 5}}
	st.assign(list("a", "b"))
	if st.Numbers["a"] == st.Numbers["b"] {
		t.Errorf("two of one number: %v", st.Numbers)
	}
}

func TestDamagedState(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state.json")
	seen := map[uint16]bool{}
	for _, content := range []string{"", "{", `{"next": "x"}`, `{"numbers": [1]}`} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := readState(name)
		if err != nil || len(st.Numbers) != 0 || st.Numbers == nil {
			t.Errorf("%q: %+v, %v", content, st, err)
			continue
		}
		seen[st.Next] = true
	}
	if len(seen) == 1 {
		t.Error("numbers begin at the same one after each loss of the state")
	}
}

func TestBlock(t *testing.T) {
	e := Export{
		Attachment: "a-1", Dir: "/vault/my volumes/x", ReadOnly: true,
		Clients: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/24"), netip.MustParsePrefix("fd00::1/128"), netip.MustParsePrefix("0.0.0.0/0")},
	}
	const want = `EXPORT { Export_Id = 7; Path = "/vault/my volumes/x"; Pseudo = "/a-1"; FSAL { Name = VFS; } ` +
		`CLIENT { Clients = 10.1.2.0/24, fd00::1, *; Protocols = 4; Access_Type = RO; } }` + "\n"
	if got := e.block(7); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	log := `21/11/2026 07:58:30 : epoch 6b : vm : nfs-ganesha-8664[sigmgr] vfs_create_export :FSAL :CRIT :resolve_posix_filesystem(/proc) returned No such file or directory (2)
21/11/2026 07:58:30 : epoch 6b : vm : nfs-ganesha-8664[sigmgr] mdcache_fsal_create_export :FSAL :MAJ :Failed to call create_export on underlying FSAL VFS
21/11/2026 07:58:30 : epoch 6b : vm : nfs-ganesha-8664[sigmgr] fsal_cfg_commit :CONFIG :CRIT :Could not create export for (/e) to (/proc)
21/11/2026 07:58:30 : epoch 6b : vm : nfs-ganesha-8664[sigmgr] reread_exports :CONFIG :EVENT :Reread exports complete
`
	got := refusals(log)
	if len(got) != 1 || sdk.KindOf(got["e"]) != sdk.Unsupported || !strings.Contains(got["e"].Error(), "cannot export /proc: resolve_posix_filesystem(/proc)") {
		t.Errorf("%v", got)
	}
}

func FuzzRefusals(f *testing.F) {
	f.Add("x FSAL :CRIT :why\nfsal_cfg_commit :CONFIG :CRIT :Could not create export for (/e) to (/proc)\n")
	f.Fuzz(func(t *testing.T, log string) {
		for id, err := range refusals(log) {
			if !strings.Contains(log, id) || err == nil {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
}

func TestEstablished(t *testing.T) {
	for line, want := range map[string]string{
		"   1: 0101630A:0801 0B07630A:02F7 01 00000000:00000000 00:00000000 00000000 0 0 77":                                                 "10.99.7.11",
		"   1: 0000000000000000FFFF00000107630A:0801 0000000000000000FFFF00000B07630A:0320 01 00000000:00000000 00:00000000 00000000 0 0 77": "10.99.7.11",
		"   1: 0000000000000000FFFF00000107630A:0801 000000FD000000000000000001000000:0320 01 0:0":                                           "fd00::1",
		"   1: 0101630A:0801 00000000:0000 0A 0:0":                                                                                           "",
		"   1: 0101630A:0802 0B07630A:02F7 01 0:0":                                                                                           "",
		"  sl  local_address rem_address   st":                                                                                               "",
		"1: x:0801 y:1 01 z":                                                                                                                 "",
	} {
		got, ok := established(line, 2049)
		if (ok && got.String() != want) || ok != (want != "") {
			t.Errorf("%q: %v, %v; want %q", line, got, ok, want)
		}
	}
}

func FuzzEstablished(f *testing.F) {
	f.Add("   1: 0101630A:0801 0B07630A:02F7 01 0:0", uint16(2049))
	f.Fuzz(func(t *testing.T, line string, port uint16) {
		if peer, ok := established(line, port); ok != peer.IsValid() {
			t.Errorf("%q: %v, %v", line, peer, ok)
		}
	})
}

func TestUsed(t *testing.T) {
	dir := t.TempDir()
	empty, err := Used(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	if err == nil {
		err = errors.Join(sparse.Truncate(1<<30), sparse.Close())
	}
	if err := errors.Join(err, os.Link(filepath.Join(dir, "0"), filepath.Join(dir, "again")), os.Symlink("/", filepath.Join(dir, "root"))); err != nil {
		t.Fatal(err)
	}
	got, err := Used(t.Context(), dir)
	if err != nil || got.Bytes-empty.Bytes < 3<<20 || got.Bytes-empty.Bytes > 4<<20 || got.Files != 5 {
		t.Errorf("%+v, %v; want 5 files of some 3 MiB more than %+v", got, err, empty)
	}
	if _, err := Used(t.Context(), filepath.Join(dir, "no")); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("%v; want NotFound", err)
	}
}
