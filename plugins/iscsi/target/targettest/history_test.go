package targettest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// image writes blocks to a file.
func image(t *testing.T, blocks int, stamps ...Stamp) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(blocks) * BlockSize); err != nil {
		t.Fatal(err)
	}
	for _, s := range stamps {
		at := int64(s.Block)
		if s.Block == 7 {
			at = 0 // astray
		}
		if _, err := f.WriteAt(s.Bytes(), at*BlockSize); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	a1, a2, a3 := Stamp{1, 1, 0}, Stamp{1, 2, 0}, Stamp{1, 3, 0}
	b1 := Stamp{2, 1, 0}
	for _, tt := range []struct {
		name    string
		tell    func(*History)
		have    []Stamp
		crashed bool
		want    string
	}{
		{"what was answered is there", func(h *History) { h.Begin(a1); h.Acked(a1) }, []Stamp{a1}, false, ""},
		{"what was not answered may be", func(h *History) { h.Begin(a1); h.Acked(a1); h.Begin(a2) }, []Stamp{a2}, false, ""},
		{"an answered write is lost", func(h *History) { h.Begin(a1); h.Acked(a1); h.Begin(a2); h.Acked(a2) }, []Stamp{a1}, false, "lost is write 2"},
		{"one that was not flushed may be lost in a crash", func(h *History) { h.Begin(a1); h.Acked(a1) }, nil, true, ""},
		{"one that was flushed may not", func(h *History) { h.Begin(a1); h.Acked(a1); h.Flushed(h.Mark()) }, nil, true, "lost is write 1"},
		{"nobody wrote it", func(h *History) { h.Begin(a1) }, []Stamp{a3}, false, "nobody sent"},
		{"astray", func(h *History) { h.Begin(Stamp{1, 1, 7}) }, []Stamp{{1, 1, 7}}, false, "belongs to block 7"},
		{"an old epoch over a new one", func(h *History) { h.Begin(a1); h.Begin(b1); h.Acked(b1) }, []Stamp{a1}, false, "lost is write 1 of epoch 2"},
		{"an old epoch after its fence", func(h *History) {
			h.Begin(a1)
			h.Begin(a2)
			if err := h.Fenced(1, image(t, 4, a1)); err != nil {
				t.Fatal(err)
			}
		}, []Stamp{a2}, false, "landed after the fence of epoch 1"},
		{"what the fence found may stay", func(h *History) {
			h.Begin(a1)
			if err := h.Fenced(1, image(t, 4, a1)); err != nil {
				t.Fatal(err)
			}
		}, []Stamp{a1}, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := NewHistory()
			tt.tell(h)
			wrong := h.Check(image(t, 4, tt.have...), tt.crashed)
			if tt.want == "" && len(wrong) > 0 {
				t.Errorf("found %v", wrong)
			}
			if tt.want != "" && (len(wrong) == 0 || !strings.Contains(wrong[0].Error(), tt.want)) {
				t.Errorf("found %v, want %q", wrong, tt.want)
			}
		})
	}
}

func TestTornBlock(t *testing.T) {
	b := Stamp{1, 1, 0}.Bytes()
	copy(b[BlockSize/2:], Stamp{1, 2, 0}.Bytes()[BlockSize/2:])
	if _, err := ParseStamp(b); err == nil {
		t.Error("half of another write was not noticed")
	}
	if s, err := ParseStamp(make([]byte, BlockSize)); err != nil || s != (Stamp{}) {
		t.Errorf("an unwritten block is %v, %v", s, err)
	}
}
