package vault

import (
	"context"
	"log/slog"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Options is how a vault is opened.
type Options struct {
	// Root is the vault's directory; it must be there.
	Root string
	Log  *slog.Logger
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
	o Options
}

// Open makes sure that root is a directory, gives it an id of its own if it has
// none (<root>/.meson/id), and sweeps what dead processes have left. It scans
// nothing yet.
func Open(ctx context.Context, o Options) (*Vault, error) { return nil, todo() }

// Close gives back what the vault holds open.
func (v *Vault) Close() error { return nil }

// Root is the vault's directory, absolute.
func (v *Vault) Root() string { return v.o.Root }

// ID names the vault: a UUID that stands in <root>/.meson/id.
func (v *Vault) ID() string { return "" }

// List is every volume there is, also those with faults, by ID and then Folder.
// While Watch runs it is what Watch knows; otherwise it scans first.
func (v *Vault) List(ctx context.Context) ([]*Volume, error) { return nil, todo() }

// Get reads one volume anew. NotFound is certain, after a scan; a Ref without a
// Folder that several folders answer to is a Conflict.
func (v *Vault) Get(ctx context.Context, ref Ref) (*Volume, error) { return nil, todo() }

// Find is the volume that carries a broker and key in its owner. NotFound is
// certain.
func (v *Vault) Find(ctx context.Context, broker, key string) (*Volume, error) { return nil, todo() }

// Refresh scans: folders whose metadata have not changed are not read again.
func (v *Vault) Refresh(ctx context.Context) error { return todo() }

// Watch keeps the index current by inotify and a periodic scan until ctx is done,
// whose error it returns. One Watch runs at a time.
func (v *Vault) Watch(ctx context.Context) error { return todo() }

// Changed is closed at the next change of the index; ask before looking.
func (v *Vault) Changed() <-chan struct{} { return nil }

// Settings reads settings.json; without one there is no limit. A damaged one is an
// Invalid error, and nothing is made then.
func (v *Vault) Settings(ctx context.Context) (Settings, error) { return Settings{}, todo() }

// Space counts; see List for how current it is.
func (v *Vault) Space(ctx context.Context) (Space, error) { return Space{}, todo() }

// Faults is what is wrong with the vault itself, such as folders that could not be
// read or are nested too deeply, as the latest scan found it.
func (v *Vault) Faults() []string { return nil }

// Sweep removes what dead processes have left of volumes that they were building or
// removing. Open, Create and Delete do it as well.
func (v *Vault) Sweep(ctx context.Context) error { return todo() }

func todo() error { return sdk.Errorf(sdk.Unsupported, "not there yet") }
