package vault

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fill makes n volumes of others in a few directories.
func fill(tb testing.TB, root string, n int) {
	tb.Helper()
	for i := range n {
		folder := filepath.Join(root, fmt.Sprintf("d%d", i%7), fmt.Sprintf("%032x.elimg", i))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			tb.Fatal(err)
		}
		meta := fmt.Sprintf(`{"size": 20, "name": "vol %d", "bootable": true, "private": false, "shareable": false, "readonly": false, "meson": {"version": 1, "owner": {"broker": "b1", "key": "k%d"}, "format": "raw", "epoch": 3}}`, i, i)
		if err := os.WriteFile(filepath.Join(folder, "meta.json"), []byte(meta), 0o644); err != nil {
			tb.Fatal(err)
		}
		image := filepath.Join(folder, "data.img")
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			tb.Fatal(err)
		}
		if err := os.Truncate(image, 20*GiB); err != nil {
			tb.Fatal(err)
		}
	}
}

// Ten thousand volumes: the first scan reads all of them, later ones look whether
// anything has changed.
func BenchmarkScan(b *testing.B) {
	root := b.TempDir()
	fill(b, root, 10_000)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			v := openVault(b, at(root))
			if err := v.Refresh(b.Context()); err != nil || len(v.index.vols) != 10_000 {
				b.Fatalf("%d volumes, %v", len(v.index.vols), err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		v := openVault(b, at(root))
		if err := v.Refresh(b.Context()); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := v.Refresh(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What a use costs: two synced writes.
func BenchmarkUse(b *testing.B) {
	v := openVault(b)
	vol := create(b, v, small("k"))
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("a-%d", i)
		begin(b, v, vol, writer(id))
		if _, err := v.EndUse(b.Context(), vol.Ref(), id, fenced); err != nil {
			b.Fatal(err)
		}
	}
}

// Ten thousand volumes are scanned in less than two seconds, on a machine that has
// something else to do as well: the best of a few.
func TestScanIsFast(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("measures time")
	}
	root := t.TempDir()
	fill(t, root, 10_000)
	best := time.Hour
	for range 5 {
		v := openVault(t, at(root))
		began := time.Now()
		if all := list(t, v); len(all) != 10_000 || len(all[0].Faults) > 0 {
			t.Fatalf("%d volumes, %v", len(all), all[0].Faults)
		}
		if best = min(best, time.Since(began)); best < 2*time.Second {
			break
		}
	}
	if t.Logf("scanned in %v", best); best > 2*time.Second {
		t.Errorf("the best of five scans took %v, want less than 2s", best)
	}
}
