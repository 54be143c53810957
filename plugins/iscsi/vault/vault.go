package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Options is how a vault is opened.
type Options struct {
	// Root is the vault's directory; it must be there.
	Root string
	// ID, if set, is what the vault that was last opened here is known by: another
	// directory, or an empty one below a mount that is missing, is Unavailable.
	ID  string
	Log *slog.Logger
	// Now is time.Now where it is nil.
	Now func() time.Time
	// LockWait is how long a call waits for another process that works on the same
	// volume before it is Busy; 0: ten seconds.
	LockWait time.Duration
	// Rescan is how often Watch looks at everything; 0: a minute.
	Rescan time.Duration
	// Step is called with the name of each step of a change before it is taken; for
	// tests.
	Step func(step string)
}

// Vault is one directory of volumes. It is safe for concurrent use.
type Vault struct {
	o    Options
	root *dir
	id   string

	index *index
	// scans goes to one scan at a time.
	scans sync.Mutex
}

// Open makes sure that root is a directory, gives it an id of its own if it has
// none (<root>/.meson/id), and sweeps what dead processes have left of volumes. It
// scans nothing yet.
func Open(ctx context.Context, o Options) (*Vault, error) {
	const op = "open vault"
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.LockWait == 0 {
		o.LockWait = 10 * time.Second
	}
	if o.Rescan == 0 {
		o.Rescan = time.Minute
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	path, err := filepath.Abs(o.Root)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return nil, failed(op, o.Root, err)
	}
	root, err := openDir(path)
	if err != nil {
		return nil, failed(op, path, err)
	}
	v := &Vault{o: o, root: root, index: newIndex()}
	if err := expect(root, o.ID); err != nil {
		root.close()
		return nil, failed(op, path, err)
	}
	if err := v.identify(ctx); err != nil {
		root.close()
		return nil, failed(op, path, err)
	}
	if err := v.Sweep(ctx); err != nil {
		o.Log.Warn("leftovers stay in the vault", "vault", path, "error", err)
	}
	return v, nil
}

// identify reads the vault's id, or makes it.
func (v *Vault) identify(ctx context.Context) error {
	l, err := v.lock(ctx)
	if err != nil {
		return err
	}
	defer l.release()
	p, err := v.private(v.root)
	if err != nil {
		return err
	}
	defer p.close()
	data, _, err := p.read("id", 64)
	if err == nil {
		if v.id = strings.TrimSpace(string(data)); uuid.Validate(v.id) != nil {
			return p.fail("read", "id", errors.New("it is no UUID"))
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	v.id = uuid.NewString()
	if err := p.write("id.new", []byte(v.id+"\n"), 0o600); err != nil {
		return err
	}
	return errors.Join(p.move("id.new", p, "id"), p.sync(), v.root.sync())
}

// lock takes the vault's lock.
func (v *Vault) lock(ctx context.Context) (*flock, error) {
	p, err := v.private(v.root)
	if err != nil {
		return nil, err
	}
	defer p.close()
	return waitLock(ctx, p, lockName, "vault "+v.root.path, v.o.LockWait)
}

// private opens Meson's own folder in d, and makes it if it is not there.
func (v *Vault) private(d *dir) (*dir, error) {
	p, err := d.sub(privateName)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.mkdir(privateName, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		p, err = d.sub(privateName)
	}
	if err != nil {
		return nil, err
	}
	st, err := p.stat()
	switch {
	case err != nil:
	case int(st.Uid) != unix.Geteuid():
		err = refusal(sdk.Denied, "open", p.path, "it belongs to another user", "run as one user for a vault")
	case st.Mode&0o077 != 0:
		err = p.fail("chmod", "", p.f.Chmod(0o700))
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// Close gives back what the vault holds open.
func (v *Vault) Close() error { return v.root.f.Close() }

// Root is the vault's directory, absolute and without links.
func (v *Vault) Root() string { return v.root.path }

// ID names the vault: a UUID that stands in <root>/.meson/id.
func (v *Vault) ID() string { return v.id }

func (v *Vault) now() time.Time { return v.o.Now().UTC().Truncate(time.Millisecond) }

func (v *Vault) step(name string) { v.o.Step(name) }

// rel is a folder relative to the root.
func (v *Vault) rel(folder string) (string, error) {
	rel, err := filepath.Rel(v.root.path, folder)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return "", refusal(sdk.Invalid, "find volume", folder, "it is not below "+v.root.path, "")
	}
	return rel, nil
}

// unique is a text that nobody else has.
func unique() string { return strings.ToLower(rand.Text())[:12] }
