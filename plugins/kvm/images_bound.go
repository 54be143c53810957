package kvm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
)

const (
	// maxImageGiB is the default of max_image_gib.
	maxImageGiB = 64
	// imageReserve is what fetching an image leaves free, in bytes, wherever it
	// comes to: a file system that is full stops every machine on it.
	imageReserve = 1 << 30
)

// bound is how many bytes an image may have, and because of what.
type bound struct {
	bytes     uint64
	kind      sdk.Kind
	why, hint string
}

// bounds are all that hold for one image.
type bounds []bound

// least is the tightest; without any bound there is none, which is 0 and
// refuses nothing.
func (b bounds) least() bound {
	var least bound
	for _, x := range b {
		if least.kind == "" || x.bytes < least.bytes {
			least = x
		}
	}
	return least
}

// check refuses a size that is too much. More is true where the size is what
// has come so far.
func (b bounds) check(im *Image, size uint64, more bool) error {
	least := b.least()
	if least.kind == "" || size <= least.bytes {
		return nil
	}
	has := "has " + gib(size)
	if more {
		has = "has more than " + gib(least.bytes)
	}
	e := &sdk.Error{
		Kind: least.kind, Op: "fetch image", Subject: "image " + im.Label(), Source: sdk.SourcePlugin,
		Text: fmt.Sprintf("what %s sends %s, and %s", im.URL, has, least.why), Hint: least.hint,
	}
	if e.Kind == sdk.Exhausted {
		e.Scope = sdk.ScopeCapacity
	}
	return e
}

// gib is a size for people.
func gib(bytes uint64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// allowed is the bound that the settings set.
func (c *Config) allowed() bound {
	most := uint64(cmp.Or(c.MaxImageGiB, maxImageGiB))
	return bound{
		bytes: most << 30, kind: sdk.Unsupported,
		why:  fmt.Sprintf("max_image_gib of the settings is %d", most),
		hint: "see to the image's url; if it is right, set max_image_gib to more",
	}
}

// roomIn is the bound that free space somewhere sets.
func roomIn(where string, free uint64) bound {
	return bound{
		bytes: free - min(free, imageReserve), kind: sdk.Exhausted,
		why:  fmt.Sprintf("%s has %s free, of which %s stay free", where, gib(free), gib(imageReserve)),
		hint: "make room there",
	}
}

// room is the bound that the place's pool sets; none where libvirt does not tell.
func (at *place) room(ctx context.Context) (bounds, error) {
	free, err := inPool(ctx, at, "look for room", func(_ *libvirt.Connect, pool *libvirt.StoragePool) (*uint64, error) {
		info, err := pool.GetInfo()
		if err != nil {
			return nil, err
		}
		return &info.Available, nil
	})
	if hosts.Is(err, libvirt.ERR_NO_SUPPORT, libvirt.ERR_OPERATION_UNSUPPORTED) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return bounds{roomIn(fmt.Sprintf("pool %s of host %s", at.Limits.Pool, at.Zone), *free)}, nil
}

// roomAt is the bound that a directory's file system sets for a file of which
// a part is there already; none where it cannot be told.
func roomAt(dir string, have uint64) bounds {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return nil
	}
	b := roomIn("the directory "+dir, uint64(st.Bavail)*uint64(st.Bsize))
	b.bytes += have
	return bounds{b}
}

// noSpace is the error of a write for which somebody else has left no room.
func noSpace(im *Image, path string, err error) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return &sdk.Error{
		Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: "fetch image", Subject: "image " + im.Label(), Source: sdk.SourcePlugin,
		Text: "no room is left in the directory " + filepath.Dir(path), Hint: "make room there", Err: err,
	}
}
