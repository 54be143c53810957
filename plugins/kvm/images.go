package kvm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
)

// How an image gets into a pool so that a half of it is never booted. Libvirt
// can make, write and delete volumes, but not rename them, and it lets several
// write to one at a time. So the name follows from the checksum; every sender
// has checked its copy before it sends; all write from the front to the end, and
// one who takes over goes on where the file ends. Whoever writes, what is there
// is a true beginning of the image, and as long as the image only if it is all
// of it. How long that is, and how large a disk it makes, is told by a second
// volume, empty, that is made last: for those who do not have the image at hand.

// baseImage is an image in a pool, whole.
type baseImage struct {
	path, format string
	// virtual is the size of the disk that a guest sees, in bytes.
	virtual uint64
}

func baseName(im *Image) string {
	return "meson-base-" + im.SHA256[:16] + "." + im.format()
}

// wholeName is that of the volume which tells of an image that is whole: its
// length, and the size of the disk that it is of.
func wholeName(im *Image, length, virtual uint64) string {
	return fmt.Sprintf("meson-base-%s.%d.%d.whole", im.SHA256[:16], length, virtual)
}

// parseWhole reads wholeName.
func parseWhole(im *Image, name string) (length, virtual uint64, ok bool) {
	rest, ok := strings.CutPrefix(name, "meson-base-"+im.SHA256[:16]+".")
	if !ok {
		return 0, 0, false
	}
	if n, err := fmt.Sscanf(rest, "%d.%d.whole", &length, &virtual); err != nil || n != 2 {
		return 0, 0, false
	}
	return length, virtual, name == wholeName(im, length, virtual)
}

func (i *Image) format() string {
	if i.Format == "" {
		return "qcow2"
	}
	return i.Format
}

const (
	// inUseWait is how often one who waits for another sender looks.
	inUseWait = 200 * time.Millisecond
	// senderStall is how long a volume that does not grow is another's.
	senderStall = 3 * time.Second
)

// base is the order's image in the pool, sent there if it is not.
func (p *Provider) base(ctx context.Context, o *order, j *job) (*baseImage, error) {
	if b := <-o.foundBase; b != nil {
		return b, nil
	}
	unlock, err := o.at.uploading.Lock(ctx, o.image.SHA256)
	if err != nil {
		return nil, p.between(ctx, o)
	}
	defer unlock()
	if b, err := o.at.whole(ctx, o.image); b != nil || err != nil {
		return b, failed("look for image", o.at, err, false)
	}
	within, err := o.at.room(ctx)
	if err != nil {
		return nil, failed("look for room", o.at, err, false)
	}
	local, err := p.images.open(ctx, o.image, append(within, p.config.allowed()), j)
	if err != nil {
		return nil, err
	}
	defer local.Close()
	if err := p.upload(ctx, o, local, j); err != nil {
		return nil, err
	}
	mark := volume{name: wholeName(o.image, local.size, local.virtual), format: "raw", mode: "0444"}
	if _, err := o.at.ensure(ctx, mark); err != nil {
		return nil, failed("mark image whole", o.at, err, true)
	}
	p.step("image.done")
	b, err := o.at.whole(ctx, o.image)
	if err == nil && b == nil {
		err = errors.New("image vanished from its pool")
	}
	return b, failed("look for image", o.at, err, false)
}

// lookForBase looks while the claim is made whether the image is in the pool: mostly it
// is. What became of it is in foundBase, once.
func (o *order) lookForBase(ctx context.Context) {
	found := make(chan *baseImage, 1)
	o.foundBase = found
	go func() {
		defer close(found)
		if o.fromVolume() {
			return
		}
		if b, err := o.at.whole(ctx, o.image); err == nil {
			found <- b
		}
	}()
}

// whole is the image in the pool, nil if it is not there or not whole.
func (at *place) whole(ctx context.Context, im *Image) (*baseImage, error) {
	return inPool(ctx, at, "look for image", func(_ *libvirt.Connect, pool *libvirt.StoragePool) (*baseImage, error) {
		data, err := stateOf(pool, baseName(im))
		if err != nil || data == nil {
			return nil, err
		}
		volumes, err := pool.ListAllStorageVolumes(0)
		if err != nil {
			return nil, err
		}
		var found *baseImage
		for i := range volumes {
			name, err := volumes[i].GetName()
			if length, virtual, ok := parseWhole(im, name); err == nil && ok && length == data.physical {
				found = &baseImage{path: data.path, format: im.format(), virtual: virtual}
			}
			_ = volumes[i].Free()
		}
		return found, nil
	})
}

// stateOf describes a volume, nil if it is not there.
func stateOf(pool *libvirt.StoragePool, name string) (*volumeState, error) {
	v, err := pool.LookupStorageVolByName(name)
	if hosts.Is(err, libvirt.ERR_NO_STORAGE_VOL) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer v.Free()
	d, err := describe(v)
	if hosts.Is(err, libvirt.ERR_NO_STORAGE_VOL) {
		return nil, nil
	}
	return &d, err
}

// upload brings the volume to the image's full length, or sees another do it.
func (p *Provider) upload(ctx context.Context, o *order, local *localImage, j *job) error {
	const op = "send image"
	name := baseName(o.image)
	var seen uint64 // the length that another sender had reached
	var grown time.Time
	for {
		if err := p.between(ctx, o); err != nil {
			return err
		}
		made, err := o.at.ensure(ctx, volume{name: name, format: "raw", mode: o.at.baseMode()})
		if err != nil {
			return failed(op, o.at, err, true)
		}
		have, err := inPool(ctx, o.at, "look at image", func(_ *libvirt.Connect, pool *libvirt.StoragePool) (*volumeState, error) {
			return stateOf(pool, name)
		})
		if err != nil {
			return failed(op, o.at, err, false)
		}
		if have == nil {
			continue // somebody has deleted it
		}
		p.step("image.made")
		j.at("upload image", percent(have.physical, local.size), o.image.Label())
		switch {
		case have.physical == local.size:
			p.step("image.sent")
			return nil
		case have.physical > local.size:
			return &sdk.Error{
				Kind: sdk.Unsupported, Op: op, Subject: "host " + o.at.Zone, Source: sdk.SourceProvider,
				Text: fmt.Sprintf("volume %s is longer than the image of which it bears the name", name),
				Hint: "delete the volume",
			}
		}
		if have.physical != seen || grown.IsZero() {
			seen, grown = have.physical, time.Now()
		}
		if !made && time.Since(grown) < senderStall {
			// Another broker has begun it; its progress is ours, until it stops.
			pause(ctx, inUseWait)
			continue
		}
		err = p.sendFrom(ctx, o, local, have.physical, j)
		switch {
		case err == nil:
		case errors.Is(err, errChecksum):
			_ = o.at.discard(ctx, o.at.Limits.Pool, name)
			return &sdk.Error{Kind: sdk.Unsupported, Op: op, Subject: "image " + o.image.Label(), Source: sdk.SourcePlugin, Err: err}
		case ctx.Err() != nil:
			return p.between(ctx, o)
		default:
			return failed(op, o.at, err, true)
		}
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (p *Provider) sendFrom(ctx context.Context, o *order, local *localImage, offset uint64, j *job) error {
	last := -1
	src, err := local.from(offset, func(sent uint64) {
		if n := percent(sent, local.size); n != last {
			last = n
			j.at("upload image", n, o.image.Label())
		}
	})
	if err != nil {
		return err
	}
	return o.at.send(ctx, baseName(o.image), offset, source{Reader: src, size: local.size - offset})
}

// baseMode keeps everybody from writing to an image. A libvirt without
// privileges could then not write it either.
func (at *place) baseMode() string {
	if unprivileged(at.URI) {
		return "0644"
	}
	return "0444"
}

func percent(part, all uint64) int {
	if all == 0 {
		return 100
	}
	return int(part * 100 / all)
}
