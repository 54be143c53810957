package vault

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// List is every volume there is, also those with faults, by ID and then Folder.
// While Watch runs it is what Watch knows; otherwise it scans first.
func (v *Vault) List(ctx context.Context) ([]*Volume, error) {
	v.index.mu.Lock()
	current := v.index.scanned && v.index.watched
	v.index.mu.Unlock()
	if !current {
		if err := v.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return v.index.all(), nil
}

// Refresh scans: folders whose metadata have not changed are not parsed again. It is
// Unavailable, and nothing that was known is forgotten, where the root is not the
// vault (see Present), or a part of it cannot be read.
func (v *Vault) Refresh(ctx context.Context) error {
	v.scans.Lock()
	defer v.scans.Unlock()
	if err := v.Present(); err != nil {
		return err
	}
	began, known := v.index.begin()
	s := &scan{vault: v, known: known}
	if err := s.run(ctx); err != nil {
		return failed("scan vault", v.root.path, err)
	}
	v.index.finish(s, began)
	return nil
}

// Faults is what is wrong with the vault itself, such as folders that could not be
// read or are nested too deeply, as the latest scan found it.
func (v *Vault) Faults() []string {
	v.index.mu.Lock()
	defer v.index.mu.Unlock()
	return v.index.faults
}

// Changed is closed at the next change of the index; ask before looking.
func (v *Vault) Changed() <-chan struct{} {
	v.index.mu.Lock()
	defer v.index.mu.Unlock()
	return v.index.changed
}

// Get reads one volume anew. NotFound is certain, after a scan; a Ref without a
// Folder that several folders answer to is a Conflict.
func (v *Vault) Get(ctx context.Context, ref Ref) (*Volume, error) {
	const op = "find volume"
	if ref.Folder != "" {
		return v.getFolder(ctx, ref)
	}
	if ref.ID == "" {
		return nil, refusal(sdk.Invalid, op, "", "it has no id", "")
	}
	v.index.mu.Lock()
	fresh := !v.index.scanned
	v.index.mu.Unlock()
	for {
		if fresh {
			if err := v.Refresh(ctx); err != nil {
				return nil, err
			}
		}
		var found []*Volume
		for _, folder := range append(v.index.folders(ref.ID), v.usual(ref.ID)...) {
			vol := v.reread(folder)
			if vol != nil && (len(found) == 0 || found[len(found)-1].Folder != vol.Folder) {
				found = append(found, vol)
			}
		}
		switch folders := v.index.folders(ref.ID); {
		case len(folders) > 1:
			return nil, refusal(sdk.Conflict, op, "volume "+ref.ID, "the vault has it more than once: "+strings.Join(folders, ", "), "take all but one out of the vault")
		case len(folders) == 1 && len(found) > 0:
			return v.viewed(found[0]), nil
		case fresh:
			return nil, notFound(op, "volume "+ref.ID)
		}
		fresh = true
	}
}

// usual are the folders in which a volume of an id usually is and that the index
// does not have.
func (v *Vault) usual(id string) []string {
	var out []string
	for _, name := range []string{id + suffix, prefix + id + suffix} {
		if got, _ := idOf(name); got == id && filepath.Base(name) == name {
			out = append(out, filepath.Join(v.root.path, name))
		}
	}
	known := v.index.folders(id)
	if len(known) > 0 {
		return nil
	}
	return out
}

func (v *Vault) getFolder(ctx context.Context, ref Ref) (*Volume, error) {
	const op = "find volume"
	rel, err := v.rel(ref.Folder)
	if err != nil {
		return nil, err
	}
	v.index.mu.Lock()
	scanned := v.index.scanned
	v.index.mu.Unlock()
	if !scanned {
		if err := v.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	vol := v.reread(filepath.Join(v.root.path, rel))
	if vol == nil || ref.ID != "" && vol.ID != ref.ID {
		return nil, notFound(op, "folder "+ref.Folder)
	}
	return v.viewed(vol), nil
}

// reread looks at a folder now and notes in the index what it is; nil: nothing.
func (v *Vault) reread(folder string) *Volume {
	rel, err := v.rel(folder)
	if err != nil {
		return nil
	}
	if _, is := idOf(filepath.Base(rel)); !is {
		return nil
	}
	for {
		number, known := v.index.now(folder)
		var vol *Volume
		switch d, err := v.root.walk(rel); {
		case err == nil:
			vol = v.readVolume(d, rel, known)
			d.close()
		case !errors.Is(err, fs.ErrNotExist):
			vol = v.unopened(rel, "the folder cannot be opened: "+cause(err).Error())
		}
		if v.index.putRead(folder, vol, number) {
			return vol
		}
	}
}

func (v *Vault) viewed(vol *Volume) *Volume {
	v.index.mu.Lock()
	defer v.index.mu.Unlock()
	return v.index.view(vol)
}

// Find is the volume that carries a broker and key in its owner. NotFound is
// certain.
func (v *Vault) Find(ctx context.Context, broker, key string) (*Volume, error) {
	if vol, err := v.Get(ctx, Ref{ID: IDFor(Owner{Broker: broker, Key: key})}); err == nil && vol.ownedBy(broker, key) {
		return vol, nil
	}
	all, err := v.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, vol := range all {
		if vol.ownedBy(broker, key) {
			return vol, nil
		}
	}
	return nil, notFound("find volume", "key "+key)
}

func (v *Volume) ownedBy(broker, key string) bool {
	o := v.State.Owner
	return o != nil && o.Broker == broker && o.Key == key
}
