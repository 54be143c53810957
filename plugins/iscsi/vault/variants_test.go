package vault

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func mkfifo(path string) error { return unix.Mkfifo(path, 0o600) }

const plainMeta = `{"size": 0.125, "name": "web", "bootable": true, "private": false, "shareable": false, "readonly": false}`

// Every form in which volumes are found, and everything that may be wrong with one.
func TestVariants(t *testing.T) {
	const eighth = "sparse 134217728"
	plain := Meta{Name: "web", SizeBytes: Step, Bootable: true}
	for name, tt := range map[string]struct {
		files map[string]string
		want  Volume
		// faults is the text of all, unreadable whether one of them is.
		faults     []string
		unreadable bool
	}{
		"plain": {
			files: map[string]string{"6f0c.elimg/meta.json": plainMeta, "6f0c.elimg/data.img": eighth},
			want:  Volume{ID: "6f0c", Meta: plain, DataFile: "data.img", Found: true},
		},
		"volumefile, vid., nested, 33 characters, another image name": {
			files: map[string]string{"d1/d 2/vid.0123456789abcdef0123456789abcdef0.elimg/volumefile": plainMeta, "d1/d 2/vid.0123456789abcdef0123456789abcdef0.elimg/disk0.img": eighth},
			want:  Volume{ID: "0123456789abcdef0123456789abcdef0", Meta: plain, DataFile: "disk0.img", Found: true},
		},
		"the least": {
			files: map[string]string{"x.elimg/meta.json": `{"size":20}`, "x.elimg/data.img": eighth, "x.elimg/readme.txt": "hello"},
			want:  Volume{ID: "x", Meta: Meta{SizeBytes: 20 * GiB}, DataFile: "data.img", Found: true},
		},
		"data.img beside another image": {
			files: map[string]string{"x.elimg/meta.json": `{"size":20.5,"readonly":true,"private":true}`, "x.elimg/data.img": eighth, "x.elimg/old.img": "x"},
			want:  Volume{ID: "x", Meta: Meta{SizeBytes: 41 << 29, ReadOnly: true, Private: true}, DataFile: "data.img", Found: true},
		},
		"shareable directory": {
			files: map[string]string{"x.elimg/meta.json": `{"size":1e1,"shareable":true}`, "x.elimg/data/a/b.img": "x"},
			want:  Volume{ID: "x", Meta: Meta{SizeBytes: 10 * GiB, Shareable: true}, DataFile: "data", Directory: true, Found: true},
		},
		"shareable image": {
			files:  map[string]string{"x.elimg/meta.json": `{"size":1,"shareable":true}`, "x.elimg/data.img": eighth},
			want:   Volume{ID: "x", Meta: Meta{SizeBytes: GiB, Shareable: true}, DataFile: "data.img", Found: true},
			faults: []string{"only one machine could write"},
		},
		"with Meson's part": {
			files: map[string]string{"x.elimg/meta.json": `{"size":0.125,"meson":{"version":1,"epoch":7,"format":"raw","owner":{"broker":"b","key":"k"}}}`, "x.elimg/data.img": eighth},
			want:  Volume{ID: "x", Meta: Meta{SizeBytes: Step}, DataFile: "data.img", State: State{Version: 1, Epoch: 7, Format: Raw, Owner: &Owner{Broker: "b", Key: "k"}}},
		},
		"work is pending: no image is no fault": {
			files: map[string]string{"x.elimg/meta.json": `{"size":0.125,"meson":{"version":1,"epoch":0,"pending":{"op":"snapshot","id":"1","since":"2026-01-01T00:00:00Z"}}}`},
			want:  Volume{ID: "x", Meta: Meta{SizeBytes: Step}, DataFile: "data.img", State: State{Version: 1}},
		},

		"work is pending on another name": {
			files: map[string]string{"x.elimg/disk0.img": eighth, "x.elimg/snap-1.img": "x", "x.elimg/meta.json": `{"size":0.125,"meson":{"version":1,"epoch":0,"pending":{"op":"snapshot","id":"1","since":"2026-01-01T00:00:00Z"}}}`},
			want:  Volume{ID: "x", Meta: Meta{SizeBytes: Step}, DataFile: "disk0.img", State: State{Version: 1}},
		},

		"no metadata":           {files: map[string]string{"x.elimg/data.img": eighth}, faults: []string{"neither meta.json nor volumefile"}, unreadable: true},
		"empty folder":          {files: map[string]string{"x.elimg": "dir"}, faults: []string{"neither meta.json", "no image"}, unreadable: true},
		"both metadata":         {files: map[string]string{"x.elimg/meta.json": plainMeta, "x.elimg/volumefile": plainMeta, "x.elimg/data.img": eighth}, faults: []string{"want one of them"}},
		"cut off":               {files: map[string]string{"x.elimg/meta.json": plainMeta[:30], "x.elimg/data.img": eighth}, faults: []string{"not JSON"}, unreadable: true},
		"empty metadata":        {files: map[string]string{"x.elimg/meta.json": "", "x.elimg/data.img": eighth}, faults: []string{"not JSON"}, unreadable: true},
		"a list":                {files: map[string]string{"x.elimg/meta.json": "[]", "x.elimg/data.img": eighth}, faults: []string{"no JSON object"}, unreadable: true},
		"no size":               {files: map[string]string{"x.elimg/meta.json": `{"name":"x"}`, "x.elimg/data.img": eighth}, faults: []string{`no "size"`}, unreadable: true},
		"size is text":          {files: map[string]string{"x.elimg/meta.json": `{"size":"1"}`, "x.elimg/data.img": eighth}, faults: []string{`"size" is "1"`}, unreadable: true},
		"size 0":                {files: map[string]string{"x.elimg/meta.json": `{"size":0}`, "x.elimg/data.img": eighth}, faults: []string{`"size" is 0`}, unreadable: true},
		"size below 0":          {files: map[string]string{"x.elimg/meta.json": `{"size":-1}`, "x.elimg/data.img": eighth}, faults: []string{`"size" is -1`}, unreadable: true},
		"size of a galaxy":      {files: map[string]string{"x.elimg/meta.json": `{"size":1e300}`, "x.elimg/data.img": eighth}, faults: []string{`"size" is 1e300`}, unreadable: true},
		"size beyond floats":    {files: map[string]string{"x.elimg/meta.json": `{"size":1e999999}`, "x.elimg/data.img": eighth}, faults: []string{`"size" is`}, unreadable: true},
		"size between steps":    {files: map[string]string{"x.elimg/meta.json": `{"size":0.1}`, "x.elimg/data.img": eighth}, faults: []string{"multiple of 0.125"}},
		"bootable is a number":  {files: map[string]string{"x.elimg/meta.json": `{"size":1,"bootable":1}`, "x.elimg/data.img": eighth}, faults: []string{`"bootable" is 1`}, unreadable: true},
		"bootable is null":      {files: map[string]string{"x.elimg/meta.json": `{"size":1,"bootable":null}`, "x.elimg/data.img": eighth}, faults: []string{`"bootable" is null`}, unreadable: true},
		"name is a number":      {files: map[string]string{"x.elimg/meta.json": `{"size":1,"name":3}`, "x.elimg/data.img": eighth}, faults: []string{`"name" is 3`}},
		"size twice":            {files: map[string]string{"x.elimg/meta.json": `{"size":1,"size":2}`, "x.elimg/data.img": eighth}, faults: []string{`"size" twice`}, unreadable: true},
		"shareable, bootable":   {files: map[string]string{"x.elimg/meta.json": `{"size":1,"bootable":true,"shareable":true}`, "x.elimg/data": "dir"}, faults: []string{"shareable and bootable"}},
		"no image":              {files: map[string]string{"x.elimg/meta.json": plainMeta}, faults: []string{"no image"}, unreadable: true},
		"two images":            {files: map[string]string{"x.elimg/meta.json": plainMeta, "x.elimg/a.img": "a", "x.elimg/b.img": "b"}, faults: []string{"2 images"}, unreadable: true},
		"directory, not shared": {files: map[string]string{"x.elimg/meta.json": plainMeta, "x.elimg/data": "dir"}, faults: []string{"not shareable"}, unreadable: true},
		"raw, cut off":          {files: map[string]string{"x.elimg/meta.json": `{"size":1,"meson":{"version":1,"epoch":0,"format":"raw"}}`, "x.elimg/data.img": eighth}, faults: []string{"134217728 bytes"}},
		"hard link":             {files: map[string]string{"x.elimg/meta.json": plainMeta, "x.elimg/data.img": eighth, "x.elimg/other": "hard data.img"}, faults: []string{"hard links"}},
		"no id":                 {files: map[string]string{".elimg/meta.json": plainMeta, ".elimg/data.img": eighth}, faults: []string{"has no id"}, unreadable: true},
		"long id":               {files: map[string]string{strings.Repeat("x", 200) + ".elimg/meta.json": plainMeta, strings.Repeat("x", 200) + ".elimg/data.img": eighth}, faults: []string{"has no id"}, unreadable: true},
		"id with an escape":     {files: map[string]string{"a\x1b[2J.elimg/meta.json": plainMeta, "a\x1b[2J.elimg/data.img": eighth}, faults: []string{"has no id"}, unreadable: true},
		"snapshot's file gone":  {files: map[string]string{"x.elimg/meta.json": `{"size":1,"meson":{"version":1,"epoch":0,"format":"qcow2","parent":"s","snapshots":[{"id":"s","file":"snap-s.img","format":"raw","created_at":"2026-01-01T00:00:00Z","size_bytes":1}]}}`, "x.elimg/data.img": eighth}, faults: []string{"snapshot s"}, unreadable: true},
		"a newer Meson":         {files: map[string]string{"x.elimg/meta.json": `{"size":1,"meson":{"version":2,"epoch":3}}`, "x.elimg/data.img": eighth}, faults: []string{"version 2"}, unreadable: true},
		"a field too many":      {files: map[string]string{"x.elimg/meta.json": `{"size":1,"meson":{"version":1,"epoch":3,"quota":1}}`, "x.elimg/data.img": eighth}, faults: []string{"quota"}, unreadable: true},
		"an impossible epoch":   {files: map[string]string{"x.elimg/meta.json": `{"size":1,"meson":{"version":1,"epoch":18446744073709551615}}`, "x.elimg/data.img": eighth}, faults: []string{"epoch"}, unreadable: true},
		"a file out of the way": {files: map[string]string{"x.elimg/meta.json": `{"size":1,"meson":{"version":1,"epoch":0,"snapshots":[{"id":"s","file":"../../etc/shadow","format":"raw","created_at":"2026-01-01T00:00:00Z","size_bytes":1}]}}`, "x.elimg/data.img": eighth}, faults: []string{"in the folder"}, unreadable: true},
		"layers in a circle":    {files: map[string]string{"x.elimg/meta.json": `{"size":1,"meson":{"version":1,"epoch":0,"snapshots":[{"id":"a","file":"a.img","format":"raw","parent":"b","created_at":"2026-01-01T00:00:00Z","size_bytes":1},{"id":"b","file":"b.img","format":"raw","parent":"a","created_at":"2026-01-01T00:00:00Z","size_bytes":1}]}}`, "x.elimg/data.img": eighth}, faults: []string{"stands on itself"}, unreadable: true},
	} {
		t.Run(name, func(t *testing.T) {
			v := openVault(t)
			put(t, v.Root(), tt.files)
			before := tree(t, v.Root())
			all := list(t, v)
			if len(all) != 1 {
				t.Fatalf("%d volumes", len(all))
			}
			got := all[0]
			if len(got.Faults) != len(tt.faults) || got.Readable() == tt.unreadable {
				t.Errorf("faults %q, want %q; unreadable: want %v", faults(got), tt.faults, tt.unreadable)
			}
			for _, want := range tt.faults {
				if !strings.Contains(faults(got), want) {
					t.Errorf("faults %q, want %q", faults(got), want)
				}
			}
			if tt.want.ID != "" {
				want := tt.want
				want.Vault, want.VaultID, want.Folder = v.Root(), v.ID(), got.Folder
				if d := cmp.Diff(&want, got, cmpopts.IgnoreUnexported(Volume{}), cmpopts.IgnoreFields(Volume{}, "Faults", "Revision", "UsedBytes", "State.Pending"), cmpopts.EquateEmpty()); d != "" {
					t.Error(d)
				}
			}
			if d := cmp.Diff(before, tree(t, v.Root())); d != "" {
				t.Errorf("looking has changed the vault:\n%s", d)
			}
			if _, _, err := v.BeginUse(t.Context(), got.Ref(), writer("w")); len(tt.faults) > 0 {
				if err == nil {
					t.Error("a volume with faults was taken for writing")
				}
				if _, err := v.Delete(t.Context(), got.Ref(), "b1"); err == nil {
					t.Error("a volume with faults that Meson has not made was deleted")
				}
				if d := cmp.Diff(before, tree(t, v.Root())); d != "" {
					t.Errorf("a volume with faults was touched:\n%s", d)
				}
			}
		})
	}
}

// Two folders of one id are listed, both with what is wrong, and never touched.
func TestDuplicates(t *testing.T) {
	v := openVault(t)
	for i, name := range []string{"x.elimg", "vid.x.elimg", "deep/er/x.elimg"} {
		put(t, v.Root(), map[string]string{name + "/meta.json": fmt.Sprintf(`{"size":0.125,"name":"%d"}`, i), name + "/data.img": "sparse 134217728"})
	}
	put(t, v.Root(), map[string]string{"y.elimg/meta.json": plainMeta, "y.elimg/data.img": "sparse 134217728"})
	before := tree(t, v.Root())
	var twice int
	for _, vol := range list(t, v) {
		if strings.Contains(faults(vol), "the vault has it twice") && !vol.Readable() {
			twice++
		}
	}
	if twice != 3 {
		t.Errorf("%d volumes are said to be there twice, want 3", twice)
	}
	_, err := v.Get(t.Context(), Ref{ID: "x"})
	wantKind(t, err, "conflict", "deep/er/x.elimg")
	for _, name := range []string{"x.elimg", "deep/er/x.elimg"} {
		ref := Ref{ID: "x", Folder: filepath.Join(v.Root(), name)}
		if got := get(t, v, ref); got.Readable() {
			t.Errorf("%s may be read", name)
		}
		_, _, err := v.BeginUse(t.Context(), ref, reader("r"))
		wantKind(t, err, "conflict", "twice")
		_, err = v.Delete(t.Context(), ref, "b1")
		wantKind(t, err, "conflict", "twice")
	}
	if d := cmp.Diff(before, tree(t, v.Root())); d != "" {
		t.Errorf("a duplicate was touched:\n%s", d)
	}
	if got := get(t, v, Ref{ID: "y"}); len(got.Faults) > 0 {
		t.Errorf("the one beside them: %v", got.Faults)
	}
	for _, name := range []string{"x.elimg", "deep"} {
		if err := os.RemoveAll(filepath.Join(v.Root(), name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, v, Ref{ID: "x"}); len(got.Faults) > 0 || got.Meta.Name != "1" {
		t.Errorf("the one that is left: %v", got)
	}
}

// A copy of what Meson made is as little to be touched as any other duplicate.
func TestDuplicateOfOurs(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	begin(t, v, vol, writer("one"))
	copyTree(t, vol.Folder, filepath.Join(v.Root(), "vid."+vol.ID+".elimg"))
	list(t, v)
	if _, err := v.EndUse(t.Context(), vol.Ref(), "one", fenced); err != nil {
		t.Errorf("the use of one of them, by its folder: %v", err)
	}
	_, err := v.Delete(t.Context(), vol.Ref(), "b1")
	wantKind(t, err, "conflict", "twice")
	_, err = v.TakeLock(t.Context(), vol.Ref(), Lock{Holder: "b1"})
	wantKind(t, err, "conflict", "twice")
	_, err = v.Rename(t.Context(), vol.Ref(), "x")
	wantKind(t, err, "conflict", "twice")
}
