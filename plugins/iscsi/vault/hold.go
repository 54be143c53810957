package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Held is a volume whose lock this process has: nobody else changes its metadata.
// It is for the time of the function that it was given to, and for one goroutine.
type Held struct {
	vault *Vault
	vol   *Volume
	rel   string
	// d is the volume's folder, p Meson's own in it.
	d, p *dir
}

// Hold runs do with the volume's lock. It waits for others at most
// Options.LockWait, then it is Busy; work that yields ends for it. A volume with faults can be held if Meson has
// used it before; Save refuses it.
func (v *Vault) Hold(ctx context.Context, ref Ref, do func(ctx context.Context, h *Held) error) error {
	return v.holding(ctx, ref, false, do)
}

func (v *Vault) holding(ctx context.Context, ref Ref, yields bool, do func(ctx context.Context, h *Held) error) error {
	const op = "work on volume"
	// The folder may be renamed or removed while the lock is waited for.
	for range 5 {
		vol, err := v.Get(ctx, ref)
		if err != nil {
			return err
		}
		rel, err := v.rel(vol.Folder)
		if err != nil {
			return err
		}
		again, err := v.hold(ctx, vol, rel, yields, do)
		if !again {
			return failed(op, vol.String(), err)
		}
	}
	return refusal(sdk.Busy, op, ref.String(), "it is moved all the time", "")
}

// String names the volume for messages.
func (r Ref) String() string {
	if r.ID == "" {
		return "folder " + r.Folder
	}
	return "volume " + r.ID
}

// hold reports whether the folder was gone when its lock was had.
func (v *Vault) hold(ctx context.Context, vol *Volume, rel string, yields bool, do func(ctx context.Context, h *Held) error) (again bool, err error) {
	d, err := v.root.walk(rel)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), err
	}
	defer d.close()
	if _, err := d.lstat(privateName); err != nil && len(vol.Faults) > 0 {
		return false, faulty("work on volume", vol)
	}
	p, err := v.private(d)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), err
	}
	defer p.close()
	l, err := v.volumeLock(ctx, p, vol.String(), yields)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), err
	}
	defer l.release()
	if !v.stands(rel, d) {
		return true, nil
	}
	if yields {
		var stop func()
		ctx, stop = untilWanted(ctx, p)
		defer stop()
	}
	return false, v.held(ctx, rel, d, p, do)
}

// stands reports whether a path still leads to an open directory.
func (v *Vault) stands(rel string, d *dir) bool {
	now, err := v.root.walk(rel)
	if err != nil {
		return false
	}
	defer now.close()
	a, aerr := now.stat()
	b, berr := d.stat()
	return aerr == nil && berr == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

func (v *Vault) held(ctx context.Context, rel string, d, p *dir, do func(ctx context.Context, h *Held) error) error {
	h := &Held{vault: v, rel: rel, d: d, p: p}
	h.load()
	return do(ctx, h)
}

// load reads the volume anew.
func (h *Held) load() {
	vol := h.vault.readVolume(h.d, h.rel, nil)
	h.vault.index.put(vol.Folder, vol)
	h.vol = h.vault.viewed(vol)
}

// Volume is the volume as it is now.
func (h *Held) Volume() *Volume { return h.vol }

// Idle is nil while nobody uses the volume and no work is pending; otherwise Busy,
// with who and since when. Conflict where the metadata do not tell. op is what the
// caller wants to do.
func (h *Held) Idle(op string) error {
	if h.vol.broken {
		return faulty(op, h.vol)
	}
	if len(h.vol.State.Uses) > 0 {
		return busyUse(op, h.vol, h.vol.State.Uses[0])
	}
	return h.settled(op)
}

// settled is nil while no work is pending.
func (h *Held) settled(op string) error {
	if p := h.vol.State.Pending; p != nil {
		return refusal(sdk.Busy, op, h.vol.String(), fmt.Sprintf("%s has been under way since %s", p.Op, when(p.Since)), "")
	}
	return nil
}

func busyUse(op string, v *Volume, u Use) error {
	text := fmt.Sprintf("attachment %s", u.ID)
	if u.Allocation != "" {
		text += " of allocation " + u.Allocation
	}
	text += fmt.Sprintf(" (%s, %s) has had it since %s", u.Holder, mode(u.Writable), when(u.Since))
	if !u.Ending.IsZero() {
		text += ", and is being ended"
	}
	return refusal(sdk.Busy, op, v.String(), text, "detach it there first")
}

func busyLock(op string, v *Volume, l Lock) error {
	text := l.Holder
	if l.Allocation != "" {
		text += " (allocation " + l.Allocation + ")"
	}
	return refusal(sdk.Busy, op, v.String(), text+" has had it locked since "+when(l.Since), "")
}

func mode(writable bool) string {
	if writable {
		return "writing"
	}
	return "reading"
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }
