package kvm

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
)

// volume is one to be made in a place's pool.
type volume struct {
	name, format, mode string
	// capacity in bytes; of a raw one 0, since it grows with what is sent.
	capacity uint64
	backing  *baseImage
}

func (v volume) xml() (string, error) {
	d := libvirtxml.StorageVolume{
		Name:       v.name,
		Capacity:   &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: v.capacity},
		Allocation: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: 0},
		Target: &libvirtxml.StorageVolumeTarget{
			Format:      &libvirtxml.StorageVolumeTargetFormat{Type: v.format},
			Permissions: &libvirtxml.StorageVolumeTargetPermissions{Mode: v.mode},
		},
	}
	if v.backing != nil {
		d.BackingStore = &libvirtxml.StorageVolumeBackingStore{
			Path:   v.backing.path,
			Format: &libvirtxml.StorageVolumeTargetFormat{Type: v.backing.format},
		}
	}
	doc, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("volume %s: %w", v.name, err)
	}
	return doc, nil
}

// inPool runs fn with the place's pool.
func inPool[T any](ctx context.Context, at *place, op string, fn func(*libvirt.Connect, *libvirt.StoragePool) (T, error)) (T, error) {
	return hosts.Ask(ctx, at.host, op, func(c *libvirt.Connect) (T, error) {
		pool, err := c.LookupStoragePoolByName(at.Limits.Pool)
		if err != nil {
			var none T
			return none, err
		}
		defer pool.Free()
		return fn(c, pool)
	})
}

// done is the answer of calls that have none.
type done struct{}

// ensure makes a volume, or finds it; true if it was made. One with a backing
// image that is there and not what it should be is a leftover of a host that
// crashed, and made again.
func (at *place) ensure(ctx context.Context, v volume) (bool, error) {
	doc, err := v.xml()
	if err != nil {
		return false, err
	}
	ctx, cancel := effect(ctx)
	defer cancel()
	return inPool(ctx, at, "make volume", func(_ *libvirt.Connect, pool *libvirt.StoragePool) (bool, error) {
		for {
			made, err := pool.StorageVolCreateXML(doc, 0)
			if err == nil {
				return true, made.Free()
			}
			if !hosts.Is(err, libvirt.ERR_STORAGE_VOL_EXIST) {
				return false, err
			}
			if v.backing == nil {
				return false, nil
			}
			whole, err := v.replace(pool)
			if whole || err != nil {
				return false, err
			}
		}
	})
}

// replace reports whether the volume that is there is whole, and deletes it if
// not.
func (v volume) replace(pool *libvirt.StoragePool) (bool, error) {
	have, err := pool.LookupStorageVolByName(v.name)
	if hosts.Is(err, libvirt.ERR_NO_STORAGE_VOL) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer have.Free()
	d, err := describe(have)
	if err != nil {
		return false, err
	}
	if d.capacity == v.capacity && d.format == v.format && d.backing == v.backing.path {
		return true, nil
	}
	return false, have.Delete(0)
}

// description of a volume that is there.
type volumeState struct {
	path, format, backing string
	// capacity is the size that a guest sees, physical that of the file.
	capacity, physical uint64
}

func describe(v *libvirt.StorageVol) (volumeState, error) {
	doc, err := v.GetXMLDesc(0)
	if err != nil {
		return volumeState{}, err
	}
	var d struct {
		Capacity uint64 `xml:"capacity"`
		Physical uint64 `xml:"physical"`
		Target   struct {
			Path   string `xml:"path"`
			Format struct {
				Type string `xml:"type,attr"`
			} `xml:"format"`
		} `xml:"target"`
		Backing struct {
			Path string `xml:"path"`
		} `xml:"backingStore"`
	}
	if err := xml.Unmarshal([]byte(doc), &d); err != nil {
		return volumeState{}, fmt.Errorf("volume: %w", err)
	}
	return volumeState{
		path: d.Target.Path, format: d.Target.Format.Type, backing: d.Backing.Path,
		capacity: d.Capacity, physical: d.Physical,
	}, nil
}

// sendChunk is how much of a volume is handed to libvirt at a time.
const sendChunk = 256 << 10

// bytesOf is a source of the length that it says.
func bytesOf(b []byte) source { return source{Reader: bytes.NewReader(b), size: uint64(len(b))} }

// source is what is sent to a volume.
type source struct {
	io.Reader
	size uint64
}

// send writes to a volume from an offset on. It ends at the end of ctx, leaving
// the volume as long as it has become: whoever goes on does so from there.
func (at *place) send(ctx context.Context, name string, offset uint64, src source) error {
	_, err := inPool(ctx, at, "send volume "+name, func(c *libvirt.Connect, pool *libvirt.StoragePool) (done, error) {
		vol, err := pool.LookupStorageVolByName(name)
		if err != nil {
			return done{}, err
		}
		defer vol.Free()
		stream, err := c.NewStream(0)
		if err != nil {
			return done{}, err
		}
		defer stream.Free()
		if err := vol.Upload(stream, offset, src.size, 0); err != nil {
			return done{}, err
		}
		if err := pump(ctx, stream, src); err != nil {
			_ = stream.Abort()
			return done{}, err
		}
		return done{}, stream.Finish()
	})
	return err
}

func pump(ctx context.Context, stream *libvirt.Stream, src io.Reader) error {
	buf := make([]byte, sendChunk)
	for ctx.Err() == nil {
		n, err := io.ReadFull(src, buf)
		for sent := 0; sent < n; {
			k, err := stream.Send(buf[sent:n])
			if err != nil {
				return err
			}
			sent += k
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
	return ctx.Err()
}

// inUseRetry is how often something that libvirt says is in use is tried again.
const inUseRetry = 50 * time.Millisecond

// discard deletes a volume; one that is not there is done. A volume that is
// being made or written to is waited for until ctx ends.
func (at *place) discard(ctx context.Context, pool, name string) error {
	for {
		err := at.host.Do(ctx, "delete volume "+name, func(c *libvirt.Connect) error {
			p, err := c.LookupStoragePoolByName(pool)
			if err != nil {
				return err
			}
			defer p.Free()
			v, err := p.LookupStorageVolByName(name)
			if err != nil {
				return err
			}
			defer v.Free()
			return v.Delete(0)
		})
		switch {
		case err == nil, hosts.Is(err, libvirt.ERR_NO_STORAGE_VOL), hosts.Is(err, libvirt.ERR_NO_STORAGE_POOL):
			return nil
		case !hosts.Is(err, libvirt.ERR_OPERATION_INVALID):
			return err
		}
		select {
		case <-time.After(inUseRetry):
		case <-ctx.Done():
			return err
		}
	}
}
