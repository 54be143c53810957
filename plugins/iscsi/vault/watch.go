package vault

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mesoncloud/meson/sdk"
)

// settle is how long events are gathered before anything is read again.
const settle = 20 * time.Millisecond

// watcher keeps the index current. A volume's folder sees an event for every write
// to its image; so where Meson has used a volume, its own folder in there is watched
// instead, in which every change of metadata begins. What is missed, such as what
// others change by hand, the next scan finds.
type watcher struct {
	vault *Vault
	fs    *fsnotify.Watcher
	// watched are the paths, by the folder or directory that they are for.
	watched map[string]string
	// short is whether the system refused a watch, and that was said.
	short bool
	// dirty are volumes' folders to read again; all is whether everything is.
	dirty map[string]bool
	all   bool
	// took is how long the latest scan did.
	took time.Duration
}

// Watch keeps the index current by inotify and a periodic scan until ctx is done,
// whose error it returns. Where the system gives no more watches, the scan alone
// does it, and that is logged. One Watch runs at a time; a second is Busy.
func (v *Vault) Watch(ctx context.Context) error {
	v.index.mu.Lock()
	busy := v.index.watching
	v.index.watching = true
	v.index.mu.Unlock()
	if busy {
		return sdk.Errorf(sdk.Busy, "the vault is watched already")
	}
	defer func() {
		v.index.mu.Lock()
		v.index.watching, v.index.watched = false, false
		v.index.mu.Unlock()
	}()
	w := &watcher{vault: v, watched: map[string]string{}, dirty: map[string]bool{}}
	var err error
	if w.fs, err = fsnotify.NewBufferedWatcher(4096); err != nil {
		w.refused(v.root.path, err)
		w.fs = &fsnotify.Watcher{} // one that never says anything
	} else {
		defer w.fs.Close()
	}
	return w.run(ctx)
}

func (w *watcher) run(ctx context.Context) error {
	// The root first: what happens during the first scan is seen.
	w.watch(w.vault.root.path, w.vault.root.path)
	if err := w.scan(ctx); err != nil {
		return err
	}
	w.vault.index.mu.Lock()
	w.vault.index.watched = true
	w.vault.index.mu.Unlock()
	tick := time.NewTicker(w.vault.o.Rescan)
	defer tick.Stop()
	var due <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			w.all, due = true, time.After(0)
		case err := <-w.fs.Errors:
			// Events were lost.
			w.vault.o.Log.Debug("inotify", "vault", w.vault.root.path, "error", err)
			w.all = true
		case e := <-w.fs.Events:
			w.note(e)
		case <-due:
			due = nil
			if err := w.catchUp(ctx); err != nil {
				return err
			}
		}
		if due == nil && (w.all || len(w.dirty) > 0) {
			due = time.After(w.pause())
		}
	}
}

// pause is until the next look: where everything is looked at, most of the time is
// spent on other things.
func (w *watcher) pause() time.Duration {
	if w.all {
		return max(settle, 5*w.took)
	}
	return settle
}

// note finds out what an event is about. Mere changes of modes and times are not
// worth a look, and neither are those of an image.
func (w *watcher) note(e fsnotify.Event) {
	base := filepath.Base(e.Name)
	if e.Op == fsnotify.Chmod || strings.HasSuffix(base, ".img") && e.Op == fsnotify.Write {
		return
	}
	for at := e.Name; at != w.vault.root.path && len(at) > 1; at = filepath.Dir(at) {
		if _, is := idOf(filepath.Base(at)); is {
			if at == e.Name {
				w.forget(at) // it came or went, and its watch with it
			}
			w.dirty[at] = true
			return
		}
	}
	if strings.HasPrefix(base, ".") || base == settingsName {
		return
	}
	if e.Op == fsnotify.Write {
		return // a file that is none of ours
	}
	w.forget(e.Name)
	w.all = true
}

func (w *watcher) catchUp(ctx context.Context) error {
	if w.all {
		return w.scan(ctx)
	}
	dirty := w.dirty
	w.dirty = map[string]bool{}
	for folder := range dirty {
		if vol := w.vault.reread(folder); vol != nil {
			w.watchVolume(vol)
		} else {
			w.forget(folder)
		}
	}
	return nil
}

// scan reads everything, and puts watches where they belong.
func (w *watcher) scan(ctx context.Context) error {
	w.all = false
	w.dirty = map[string]bool{}
	began := time.Now()
	err := w.vault.Refresh(ctx)
	w.took = time.Since(began)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.vault.o.Log.Warn("the vault cannot be scanned", "vault", w.vault.root.path, "error", err)
		return nil
	}
	x := w.vault.index
	x.mu.Lock()
	dirs := x.dirs
	x.mu.Unlock()
	here := map[string]bool{}
	for _, rel := range dirs {
		path := w.vault.folder(rel)
		here[path] = true
		if w.watched[path] == "" {
			// What came before the watch is found by another scan.
			w.all = w.watch(path, path) || w.all
		}
	}
	for _, vol := range x.all() {
		here[vol.Folder] = true
		w.watchVolume(vol)
	}
	for folder := range w.watched {
		if !here[folder] {
			w.forget(folder)
		}
	}
	return nil
}

func (w *watcher) watchVolume(vol *Volume) {
	path := vol.Folder
	if vol.private {
		path = vol.Private()
	}
	if w.watched[vol.Folder] == path {
		return
	}
	w.forget(vol.Folder)
	if w.watch(vol.Folder, path) {
		w.dirty[vol.Folder] = true
	}
}

// watch reports whether a watch was put on path.
func (w *watcher) watch(folder, path string) bool {
	if w.fs.Events == nil {
		return false
	}
	if err := w.fs.Add(path); err != nil {
		w.refused(path, err)
		return false
	}
	w.watched[folder] = path
	return true
}

// refused says, once, that changes are seen late.
func (w *watcher) refused(path string, err error) {
	if !w.short {
		w.short = true
		w.vault.o.Log.Warn("not everything in the vault can be watched: changes there are seen at the next scan",
			"path", path, "error", err, "scan_every", w.vault.o.Rescan, "hint", "raise fs.inotify.max_user_watches and max_user_instances")
	}
}

func (w *watcher) forget(folder string) {
	if path := w.watched[folder]; path != "" {
		_ = w.fs.Remove(path) // it may be gone
		delete(w.watched, folder)
	}
}
