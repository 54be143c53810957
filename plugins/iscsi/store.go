package iscsi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/share"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// place is one vault.
type place struct {
	name  string
	vault *vault.Vault
}

// store is the vaults of one server and the daemons that serve their volumes. It
// keeps nothing but what it can read again: several, in several processes, may be
// of the same vaults.
type store struct {
	config *Config
	log    *slog.Logger
	step   func(string)
	host   string // as compute providers name it, empty where nobody knows
	dir    string // of the daemons' sockets

	// resident is whether it lives on, rather than for a command.
	resident bool

	vaults []*place
	images *image.Engine
	// converting are the volumes that this process is converting.
	converting conversions
	rests      rests
	// targets and shares are nil where the settings name no address.
	targets *target.Host
	shares  *share.Server
}

// openStore opens every vault. Daemons are not touched.
func openStore(ctx context.Context, c *Config, log *slog.Logger, step func(string)) (*store, error) {
	if step == nil {
		step = func(string) {}
	}
	s := &store{config: c, log: log, step: step, host: c.hostUUID(), dir: c.runtimeDir()}
	s.images = image.New(image.Options{Log: log, Step: func(name string) { step("image." + name) }, MaxVirtualBytes: uint64(c.MaxVolumeGiB) * vault.GiB})
	var faults []sdk.Fault
	for _, one := range c.all() {
		o := vault.Options{Root: one.Path, Log: log, Step: func(name string) { step("vault." + name) }}
		v, fault := s.openVault(o, func(o vault.Options) (*vault.Vault, error) { return vault.Open(ctx, o) })
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		s.vaults = append(s.vaults, &place{name: one.Name, vault: v})
	}
	if len(faults) == 0 {
		faults = s.openServers()
	}
	if len(faults) > 0 {
		return nil, errors.Join(sdk.InvalidFaults("open vaults", faults), s.close())
	}
	return s, nil
}

func (s *store) openServers() (faults []sdk.Fault) {
	if s.config.Address != "" {
		t, err := target.New(target.Options{Dir: filepath.Join(s.dir, "t"), Log: s.log})
		if err != nil {
			return []sdk.Fault{{Path: "runtime_dir", Have: s.dir, Want: "a directory that can be written", Text: sdk.CleanText(err.Error(), 300)}}
		}
		s.targets = t
	}
	if s.config.NFSAddress != "" {
		at, err := netip.ParseAddrPort(s.config.NFSAddress)
		if err == nil {
			s.shares, err = share.Open(share.Options{Dir: filepath.Join(s.dir, "nfs"), Address: at, Log: s.log})
		}
		if err != nil {
			return []sdk.Fault{{Path: "nfs_address", Have: s.config.NFSAddress, Want: "an address and a port", Text: sdk.CleanText(err.Error(), 300)}}
		}
	}
	return nil
}

// close lets the vaults go; what is served is served on.
func (s *store) close() error {
	var errs []error
	for _, at := range s.vaults {
		errs = append(errs, at.vault.Close())
	}
	return errors.Join(errs...)
}

// named is the vault of a name, nil without one.
func (s *store) named(name string) *place {
	for _, at := range s.vaults {
		if at.name == name {
			return at
		}
	}
	return nil
}

// found is a volume in the vault where it lies.
type found struct {
	*vault.Volume
	at *place
	// whole is every place of the volume.
	whole *vault.Place
	// alone is whether this very place was asked for, and no other; it is only read.
	alone bool
}

func (s *store) in(root string) *place {
	for _, at := range s.vaults {
		if at.vault.Root() == root {
			return at
		}
	}
	return nil
}

// all are the volumes of every vault: of each the place that is asked for first.
// Those without an id, and those that a vault has twice, come each by itself.
func (s *store) all(ctx context.Context) ([]found, error) {
	lists := make([][]*vault.Volume, len(s.vaults))
	var out []found
	for i, at := range s.vaults {
		vols, err := at.vault.List(ctx)
		if err != nil {
			return nil, err
		}
		lists[i] = vols
		for _, v := range vols {
			if v.ID == "" {
				out = append(out, found{Volume: v, at: at, whole: &vault.Place{All: []*vault.Volume{v}, Why: "it has no id"}})
			}
		}
	}
	for _, whole := range vault.Places(lists...) {
		v := first(whole)
		out = append(out, found{Volume: v, at: s.in(v.Vault), whole: whole})
	}
	return out, nil
}

// first is the place of a volume that is shown: the one that is read.
func first(whole *vault.Place) *vault.Volume {
	if v, _ := whole.Reader(); v != nil {
		return v
	}
	return whole.All[0]
}

// find reads one volume anew, in every vault, or one place of it. NotFound is certain.
func (s *store) find(ctx context.Context, id string) (found, error) {
	if vid, at := s.placeNamed(id); at != nil {
		if f, err := s.findPlace(ctx, vid, at); sdk.KindOf(err) != sdk.NotFound {
			return f, err
		}
	}
	var all []*vault.Volume
	var unknown error
	for _, at := range s.vaults {
		v, err := at.vault.Get(ctx, vault.Ref{ID: id})
		switch {
		case sdk.KindOf(err) == sdk.NotFound:
		case err != nil:
			unknown = cmp.Or(unknown, err)
		default:
			all = append(all, v)
		}
	}
	if unknown != nil {
		return found{}, s.notWhole(unknown, all)
	}
	if id == "" || len(all) == 0 {
		return found{}, noVolume("volume " + id)
	}
	whole := vault.Places(all)[id]
	v := first(whole)
	return found{Volume: v, at: s.in(v.Vault), whole: whole}, nil
}

// owned finds the volume of a broker and key.
func (s *store) owned(ctx context.Context, broker, key string) (found, error) {
	for _, at := range s.vaults {
		v, err := at.vault.Find(ctx, broker, key)
		if sdk.KindOf(err) == sdk.NotFound {
			continue
		}
		if err != nil {
			return found{}, err
		}
		return s.find(ctx, v.ID)
	}
	return found{}, noVolume("key " + key)
}

func noVolume(subject string) error {
	return &sdk.Error{Kind: sdk.NotFound, Op: "find volume", Subject: subject, Source: sdk.SourceProvider, Text: "the vault has none"}
}

// writable is the place of a volume that may be written, or why none may.
func (f found) writable(op string) (found, error) {
	if a := f.whole.Authority; f.alone || a != nil && a.Folder != f.Folder {
		return f, &sdk.Error{
			Kind: sdk.Conflict, Op: op, Subject: "volume " + f.id(), Source: sdk.SourceProvider,
			Text: "vault " + f.at.name + " is a place of it for reading alone: " + f.relation(), Hint: "ask for it read-only, or say " + f.ID + " to write to it",
		}
	}
	if f.whole.Authority == nil {
		return f, &sdk.Error{
			Kind: sdk.Conflict, Op: op, Subject: "volume " + f.ID, Source: sdk.SourceProvider,
			Text: "no place of it may be written: " + f.whole.Why, Hint: "take the folders that are not right out of their vaults",
		}
	}
	return f, nil
}

// key names the volume's daemons on this machine.
func key(v *vault.Volume) string { return target.Key(v.ID, v.Folder) }

// nbdDir and fuseDir are the runtime directories of a volume's storage daemons:
// QEMU's exports over NBD and as a file exclude each other in one.
func (s *store) nbdDir(v *vault.Volume) string  { return filepath.Join(s.dir, "n", key(v)) }
func (s *store) fuseDir(v *vault.Volume) string { return filepath.Join(s.dir, "f", key(v)) }

// fusePath is where a volume that is not raw appears as a raw file.
func (s *store) fusePath(v *vault.Volume) string { return filepath.Join(s.dir, "d", key(v)) }
