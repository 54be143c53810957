package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// building is the folder of a volume that is being made. Its lock, which will be the
// volume's, says that its maker is alive.
type building struct {
	vault *Vault
	build Build
	name  string
	d     *dir
	lock  *flock
	state State
	// named is whether the folder has the volume's name: it is not undone then.
	named bool
}

// newBuilding makes the folder; the caller has the vault's lock.
func (v *Vault) newBuilding(ctx context.Context, n New) (b *building, err error) {
	b = &building{vault: v, name: newPrefix + n.ID + "." + unique()}
	b.build = Build{Folder: v.folder(b.name), New: n}
	b.state = State{Version: stateVersion, Owner: &n.Owner, CreatedAt: v.now(), Format: n.Format}
	v.step("make folder")
	if err := v.root.mkdir(b.name, 0o700); err != nil {
		return nil, err
	}
	if b.d, err = v.root.sub(b.name); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = v.discard(b.d, b.name)
			b.d.close()
			b.lock.release()
			b = nil
		}
	}()
	p, err := v.private(b.d)
	if err != nil {
		return b, err
	}
	defer p.close()
	v.step("lock folder")
	if b.lock, err = waitLock(ctx, p, lockName, "volume "+n.ID, v.o.LockWait); err != nil {
		return b, err
	}
	v.step("write first metadata")
	if err := b.write(); err != nil {
		return b, err
	}
	b.build.Data = v.folder(b.name + "/" + imageName)
	if n.Meta.Shareable {
		b.build.Data = v.folder(b.name + "/" + dirName)
		err = b.d.mkdir(dirName, 0o755)
	}
	return b, err
}

// write writes the metadata, in one step: others count what is being made by them.
func (b *building) write() error {
	data, err := encodeMeta(nil, b.build.New.Meta, b.state)
	if err != nil {
		return err
	}
	const fresh = "meta.new"
	if err := b.d.write(fresh, data, 0o644); err != nil {
		return err
	}
	return b.d.move(fresh, b.d, metaName)
}

// finish fills the folder and gives it its name.
func (b *building) finish(ctx context.Context, fill func(ctx context.Context, b *Build) error) (*Volume, error) {
	v := b.vault
	v.step("fill")
	if err := fill(ctx, &b.build); err != nil {
		return nil, err
	}
	b.state.Snapshots, b.state.Parent = b.build.Snapshots, b.build.Parent
	v.step("write metadata")
	if err := b.write(); err != nil {
		return nil, err
	}
	if err := b.sound(); err != nil {
		return nil, err
	}
	v.step("sync")
	if err := b.d.syncAll(0); err != nil {
		return nil, err
	}
	if err := b.d.f.Chmod(0o711); err != nil {
		return nil, err
	}
	l, err := v.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer l.release()
	final := b.build.New.final()
	v.step("rename")
	err = v.root.moveNew(b.name, final)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) {
		err = refusal(sdk.Conflict, "create volume", "volume "+b.build.New.ID, "the id was taken meanwhile", "")
	}
	if err != nil {
		return nil, err
	}
	b.named = true
	v.step("sync vault")
	if err := v.root.sync(); err != nil {
		return nil, &sdk.Error{Kind: sdk.Uncertain, Op: "sync vault", Subject: v.root.path, Source: sdk.SourceProvider, Err: err}
	}
	vol := v.reread(v.folder(final))
	if vol == nil {
		return nil, notFound("read volume", "volume "+b.build.New.ID)
	}
	return v.viewed(vol), nil
}

// sound makes sure that what was filled is what was asked for.
func (b *building) sound() error {
	vol := b.vault.readVolume(b.d, b.build.New.final(), nil)
	if len(vol.Faults) > 0 {
		return refusal(sdk.Internal, "create volume", "volume "+vol.ID, "what was made has faults: "+vol.Faults[0].Text, "")
	}
	if vol.State.Format != Raw {
		return nil
	}
	if st, err := b.d.lstat(vol.DataFile); err != nil || uint64(st.Size) != vol.Meta.SizeBytes {
		return refusal(sdk.Internal, "create volume", "volume "+vol.ID, fmt.Sprintf("its image has %d bytes: want %d", st.Size, vol.Meta.SizeBytes), "")
	}
	return nil
}

// Building is what live processes are making.
func (v *Vault) Building(context.Context) ([]Underway, error) {
	names, err := v.leftovers(newPrefix)
	if err != nil {
		return nil, failed("list builds", v.root.path, err)
	}
	var out []Underway
	for _, name := range names {
		d, err := v.root.sub(name)
		if err != nil {
			continue
		}
		if v.alive(d) {
			out = append(out, underway(d, name))
		}
		d.close()
	}
	return out, nil
}

func underway(d *dir, name string) Underway {
	id, _, _ := strings.Cut(strings.TrimPrefix(name, newPrefix), ".")
	u := Underway{ID: id, Since: time.Time{}}
	if data, _, err := d.read(metaName, maxMetaBytes); err == nil {
		p := parseMeta(data)
		if u.Meta, u.Since = p.meta, p.state.CreatedAt; p.state.Owner != nil {
			u.Owner = *p.state.Owner
		}
	}
	return u
}
