package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mesoncloud/meson/sdk"
)

// watched is a vault whose index is kept current by inotify alone.
func watched(t *testing.T, root string, rescan time.Duration) *Vault {
	t.Helper()
	v := openVault(t, at(root), func(o *Options) { o.Rescan = rescan })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- v.Watch(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("watch ended with %v", err)
		}
	})
	soon(t, "the first scan", func() bool {
		v.index.mu.Lock()
		defer v.index.mu.Unlock()
		return v.index.watched
	})
	return v
}

// ids are the volumes that the index has now, with their names.
func ids(t *testing.T, v *Vault) []string {
	var out []string
	for _, vol := range list(t, v) {
		out = append(out, fmt.Sprintf("%s:%s:%d:%d", vol.ID, vol.Meta.Name, len(vol.State.Uses), len(vol.Faults)))
	}
	return out
}

// Whatever others do in the vault is soon in the index, without a scan.
func TestWatch(t *testing.T) {
	root := t.TempDir()
	v := watched(t, root, time.Hour)
	other := openVault(t, at(root))
	expect := func(what string, want ...string) {
		t.Helper()
		soon(t, what, func() bool { return slices.Equal(ids(t, v), want) })
	}
	expect("empty")
	put(t, root, map[string]string{"x.elimg/data.img": "sparse 134217728"})
	expect("half a volume", "x::0:1")
	put(t, root, map[string]string{"x.elimg/meta.json": plainMeta})
	expect("the other half", "x:web:0:0")
	put(t, root, map[string]string{"x.elimg/meta.json": `{"size":1,"name":"b"}`})
	expect("metadata written in place", "x:b:0:0")

	n := small("k")
	n.ID = "y"
	vol := create(t, other, n)
	expect("made by another process", "x:b:0:0", "y:vol k:0:0")
	begin(t, other, vol, writer("one"))
	expect("in use", "x:b:0:0", "y:vol k:1:0")
	if _, err := other.EndUse(t.Context(), vol.Ref(), "one", fenced); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Rename(t.Context(), vol.Ref(), "z"); err != nil {
		t.Fatal(err)
	}
	expect("renamed", "x:b:0:0", "y:z:0:0")

	if err := os.MkdirAll(filepath.Join(root, "d", "e"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, "x.elimg"), filepath.Join(root, "d", "e", "vid.x.elimg")); err != nil {
		t.Fatal(err)
	}
	expect("moved down", "x:b:0:0", "y:z:0:0")
	soon(t, "its new folder", func() bool { return list(t, v)[0].Folder == filepath.Join(root, "d", "e", "vid.x.elimg") })
	copyTree(t, filepath.Join(root, "d", "e", "vid.x.elimg"), filepath.Join(root, "d", "x.elimg"))
	expect("a duplicate", "x:b:0:1", "x:b:0:1", "y:z:0:0")
	if err := os.Rename(filepath.Join(root, "d"), filepath.Join(t.TempDir(), "d")); err != nil {
		t.Fatal(err)
	}
	expect("a whole tree moved out", "y:z:0:0")
	if _, err := other.Delete(t.Context(), vol.Ref(), "b1"); err != nil {
		t.Fatal(err)
	}
	expect("removed")
	// The same name again is watched again.
	vol = create(t, other, n)
	expect("made anew", "y:vol k:0:0")
	if _, err := other.Rename(t.Context(), vol.Ref(), "again"); err != nil {
		t.Fatal(err)
	}
	expect("renamed anew", "y:again:0:0")
	// And where one comes in the place of another at once.
	aside := filepath.Join(t.TempDir(), "aside")
	copyTree(t, vol.Folder, aside)
	put(t, aside, map[string]string{"meta.json": `{"size":0.125,"name":"new"}`})
	if err := errors.Join(os.Rename(vol.Folder, filepath.Join(root, "z.elimg")), os.Rename(aside, vol.Folder)); err != nil {
		t.Fatal(err)
	}
	expect("another in its place", "y:new:0:0", "z:again:0:0")
	if _, err := other.Rename(t.Context(), vol.Ref(), "third"); err != nil {
		t.Fatal(err)
	}
	expect("renamed once more", "y:third:0:0", "z:again:0:0")
	wantKind(t, v.Watch(t.Context()), sdk.Busy, "watched already")
}

// What inotify does not say, the periodic scan finds: metadata of a volume that is
// in use, changed by hand in place.
func TestWatchScansToo(t *testing.T) {
	root := t.TempDir()
	n := small("k")
	n.ID = "y"
	vol := create(t, openVault(t, at(root)), n)
	v := watched(t, root, 50*time.Millisecond)
	changed := v.Changed()
	put(t, vol.Folder, map[string]string{"meta.json": `{"size":1,"name":"by hand"}`})
	soon(t, "the change", func() bool { return ids(t, v)[0] == "y:by hand:0:0" })
	select {
	case <-changed:
	default:
		t.Error("the change was not announced")
	}
}

// A machine that writes its volume does not keep the watcher busy: there is not even
// an event.
func TestWatchIgnoresImages(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	events, err := fsnotify.NewBufferedWatcher(64)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	w := &watcher{vault: v, fs: events, watched: map[string]string{}, dirty: map[string]bool{}}
	if err := w.scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(vol.Data(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 1000 {
		if _, err := f.WriteAt([]byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	begin(t, v, vol, writer("one"))
	e := <-events.Events
	if filepath.Dir(e.Name) != vol.Private() {
		t.Errorf("the first event is %v, want one of a change of metadata", e)
	}
}

// Where the system gives no watches, the scan does it, and that is said once.
func TestWatchWithoutWatches(t *testing.T) {
	var log bytes.Buffer
	v := openVault(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	create(t, v, small("k"))
	create(t, v, small("k2"))
	for _, broken := range []*fsnotify.Watcher{{}, closedWatcher(t)} {
		log.Reset()
		w := &watcher{vault: v, fs: broken, watched: map[string]string{}, dirty: map[string]bool{}}
		if err := w.scan(t.Context()); err != nil || w.all || len(w.watched) > 0 {
			t.Errorf("%v, %v, %v", err, w.all, w.watched)
		}
		if n := strings.Count(log.String(), "max_user_watches"); broken.Events != nil && n != 1 {
			t.Errorf("said %d times: %s", n, log.String())
		}
	}
}

func closedWatcher(t *testing.T) *fsnotify.Watcher {
	t.Helper()
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}
