package iscsi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// fill makes the image of a volume that is being built.
type fill = func(ctx context.Context, b *vault.Build, j *job) error

// fromImage makes a volume of an image that was imported, or of one at an allowed
// address or path.
func (p *Provider) fromImage(ctx context.Context, from *pb.ImageOrigin, s shape) (fill, error) {
	if im, err := p.store.imageOf(ctx, from.GetUrl()); err != nil || im != nil {
		if err != nil {
			return nil, err
		}
		if want := from.GetSha256(); want != "" && !strings.EqualFold(want, im.SHA256) {
			return nil, invalidImage("image.sha256", im.SHA256, want, "the image has another checksum")
		}
		return func(ctx context.Context, b *vault.Build, _ *job) error { return p.store.cloneImage(ctx, im, b, s) }, nil
	}
	source, format, err := p.config.source(from.GetUrl())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, b *vault.Build, j *job) error {
		_, err := p.store.images.Import(ctx, b.Folder, image.ImportOptions{
			Source: source, From: format, SHA256: strings.ToLower(from.GetSha256()), To: image.Format(s.Format), SizeBytes: s.Size,
			MaxReadBytes: uint64(p.config.MaxImageGiB) * vault.GiB, Progress: j.progress,
		})
		return err
	}, nil
}

func invalidImage(path, have, want, text string) error {
	return sdk.InvalidFaults("read image", []sdk.Fault{{Path: path, Have: have, Want: want, Text: text}})
}

// source is where an image is, if the settings allow it, and its format, which the
// name tells: it is never guessed from the bytes.
func (c *Config) source(text string) (image.Source, image.Format, error) {
	u, err := url.Parse(text)
	if err != nil {
		return image.Source{}, "", invalidImage("image.url", text, "an address or an absolute path", sdk.CleanText(err.Error(), 200))
	}
	stated := u.Fragment
	u.Fragment = ""
	var format image.Format
	switch cmp.Or(stated, strings.TrimPrefix(strings.ToLower(path.Ext(u.Path)), ".")) {
	case "qcow2":
		format = image.QCOW2
	case "raw":
		format = image.Raw
	default:
		return image.Source{}, "", invalidImage("image.url", text, "a name that ends in .qcow2 or .raw, or #qcow2 or #raw behind it", "the name does not tell the format of the image")
	}
	for _, allowed := range c.ImageSources {
		if u.Scheme == "" && path.IsAbs(u.Path) && path.Clean(u.Path) == u.Path && strings.HasPrefix(allowed, "/") && within(u.Path, allowed) {
			return image.Source{Path: u.Path, Dir: allowed}, format, nil
		}
	}
	if c.fetches(u) {
		return image.Source{URL: u.String(), Allowed: c.fetches}, format, nil
	}
	return image.Source{}, "", &sdk.Error{
		Kind: sdk.Denied, Op: "read image", Subject: sdk.CleanText(text, 200), Source: sdk.SourceProvider,
		Text: "the settings allow no images from there", Hint: "add its directory or address to image_sources, or import it first",
	}
}

// fetches reports whether an address begins like one of image_sources.
func (c *Config) fetches(u *url.URL) bool {
	return u.User == nil && (u.Scheme == "http" || u.Scheme == "https") && path.Clean("/"+u.Path) == u.Path &&
		slices.ContainsFunc(c.ImageSources, func(allowed string) bool { return strings.HasPrefix(u.String(), allowed) })
}

// fromSnapshot makes a volume of what a snapshot holds: in constant time where it is
// to be qcow2 and lies in the same vault.
func (p *Provider) fromSnapshot(ctx context.Context, m *making, id string, s shape) (fill, error) {
	f, one, err := p.store.snapshot(ctx, nil, id)
	if sdk.KindOf(err) == sdk.NotFound {
		return nil, sdk.InvalidFaults(opCreate, []sdk.Fault{{Path: "snapshot_id", Have: id, Want: "a snapshot that is there", Text: "there is no such snapshot"}})
	}
	if err != nil {
		return nil, err
	}
	if err := large(s, one.SizeBytes); err != nil {
		return nil, err
	}
	return func(ctx context.Context, b *vault.Build, j *job) error {
		return p.store.taken(ctx, f, b, s, j, func(ctx context.Context, h *vault.Held) (*reading, error) {
			if one := h.Volume().Snapshot(id); one == nil || one.Hidden {
				return nil, noSnapshot(id)
			}
			return p.store.branch(ctx, h, id, b, s, m.at == f.at)
		})
	}, nil
}

func large(s shape, least uint64) error {
	if s.Size >= least {
		return nil
	}
	return sdk.InvalidFaults(opCreate, []sdk.Fault{{
		Path: "spec.size_bytes", Have: fmt.Sprint(s.Size), Want: fmt.Sprintf("at least the %d of its origin", least), Text: "it would not hold what its origin does",
	}})
}

// fromVolume makes a volume of what another one holds. A raw one is copied, and must
// not be written meanwhile; of a qcow2 one a layer is frozen that both stand on, or,
// where nothing was written since the last one was, that one is used again.
func (p *Provider) fromVolume(ctx context.Context, m *making, id string, s shape) (fill, error) {
	f, err := p.store.find(ctx, id)
	if sdk.KindOf(err) == sdk.NotFound || err == nil && f.Directory {
		return nil, sdk.InvalidFaults(opCreate, []sdk.Fault{{Path: "volume_id", Have: id, Want: "a volume that is there and no directory", Text: "there is no such volume"}})
	}
	if err != nil {
		return nil, err
	}
	if err := large(s, f.Meta.SizeBytes); err != nil {
		return nil, err
	}
	layer := "base-" + vault.IDFor(m.new.Owner)
	return func(ctx context.Context, b *vault.Build, j *job) error {
		if f, err = f.writable(opCreate); err != nil {
			return err
		}
		if err := p.shortened(ctx, opCreate, f.ID); err != nil {
			return err
		}
		defer p.tend(f.ID)
		return p.store.taken(ctx, f, b, s, j, func(ctx context.Context, h *vault.Held) (*reading, error) {
			if err := errors.Join(p.store.finish(ctx, h), h.Record(opCreate)); err != nil {
				return nil, err
			}
			if exposedFormat(h.Volume()) != vault.QCOW2 {
				return p.store.read(ctx, h, opCreate, "a copy", "")
			}
			base, err := p.store.frozen(ctx, h, layer)
			if err != nil {
				return nil, err
			}
			return p.store.branch(ctx, h, base, b, s, m.at == f.at)
		})
	}, nil
}

// frozen is a layer that holds what a volume does now: the one of that id, that on
// which the volume stands if nothing was written since, or a new one of that id.
func (s *store) frozen(ctx context.Context, h *vault.Held, id string) (string, error) {
	v := h.Volume()
	have := v.Snapshot(id)
	if have != nil && !have.Merging {
		return id, nil
	}
	if have != nil {
		// It no longer holds what it did.
		id = "base-" + uuid.NewString()
	}
	if parent := v.Snapshot(v.State.Parent); parent != nil && !parent.Merging {
		same, err := s.images.Unwritten(files(v))
		if err != nil {
			return "", err
		}
		if same {
			return parent.ID, nil
		}
	}
	c := change{Change: image.Change{Op: image.OpSnapshot, Layer: id, Hidden: true}}
	return id, s.do(ctx, h, c)
}

// taken makes what is being built of another volume, whose lock it has for open alone.
// What open gives to be read is copied then; nil: there is nothing left to be done.
func (s *store) taken(ctx context.Context, f found, b *vault.Build, what shape, j *job, open func(ctx context.Context, h *vault.Held) (*reading, error)) error {
	var r *reading
	err := f.at.vault.Hold(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) (err error) {
		r, err = open(ctx, h)
		return err
	})
	if err != nil || r == nil {
		return err
	}
	s.step("copy.opened")
	l, err := r.Copy(ctx, b.Folder, image.CopyOptions{Format: image.Format(what.Format), SizeBytes: what.Size, Progress: j.progress})
	if err := errors.Join(err, r.end()); err != nil {
		return err
	}
	laid(b, l)
	return nil
}

// branch puts into a folder what a layer of a volume holds, or opens it to be copied.
func (s *store) branch(ctx context.Context, h *vault.Held, layer string, b *vault.Build, what shape, near bool) (*reading, error) {
	if err := s.finish(ctx, h); err != nil {
		return nil, err
	}
	if near && what.Format == vault.QCOW2 {
		l, err := s.images.Clone(ctx, files(h.Volume()), layer, b.Folder, what.Size)
		if err == nil {
			laid(b, l)
			return nil, nil
		}
		if sdk.KindOf(err) != sdk.Unsupported {
			return nil, err
		}
	}
	return s.read(ctx, h, opCreate, "a copy", layer)
}

// laid records in what is being built the layers that its image stands on.
func laid(b *vault.Build, l image.Layout) {
	b.Parent = l.Parent
	b.Snapshots = snapshotsOf(l, nil, vault.Snapshot{CreatedAt: time.Now().UTC()})
}
