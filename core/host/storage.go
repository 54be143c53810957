package host

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const storageService = "meson.plugin.v1.Storage"

// CreateVolume makes the volume of an offer, or finds it by its key.
func (p *Provider) CreateVolume(ctx context.Context, req core.CreateVolumeRequest) (core.Volume, error) {
	wire := createVolumeToPB(p.config.Name, req)
	if err := tooLarge(proto.Size(wire)); err != nil {
		return core.Volume{}, err
	}
	var made core.Volume
	err := p.change(ctx, "create volume", storageService, func(ctx context.Context, s *session) error {
		answer, err := pb.NewStorageClient(s.conn).CreateVolume(ctx, wire)
		if err != nil {
			return err
		}
		made, err = p.volume(answer, asked{owner: req.Owner})
		if err == nil && made.State != core.VolumeCreating && made.State != core.VolumeFailed && made.SizeBytes < req.Spec.SizeBytes {
			return against("a volume", "size_bytes", "%d: %d were asked for", made.SizeBytes, req.Spec.SizeBytes)
		}
		return err
	})
	return made, err
}

// GetVolume finds a volume; NotFound promises that it is not there.
func (p *Provider) GetVolume(ctx context.Context, ref core.VolumeRef) (core.Volume, error) {
	var found core.Volume
	err := p.read(ctx, "get volume", storageService, p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		answer, err := pb.NewStorageClient(s.conn).GetVolume(ctx, getVolumeToPB(p.config.Name, ref))
		if err != nil {
			return err
		}
		if found, err = p.volume(answer, askedForVolume(ref)); err == nil && found.State == core.VolumeGone {
			return p.absentVolume(found.ID)
		}
		return err
	})
	if err != nil {
		return core.Volume{}, err
	}
	return found, nil
}

// ListVolumes is every volume that carries the broker's label, or with an empty
// one every volume there is. With an error, the volumes are those that were
// received and are right: others may be there.
func (p *Provider) ListVolumes(ctx context.Context, broker string) ([]core.Volume, error) {
	var list []core.Volume
	err := p.read(ctx, "list volumes", storageService, 2*p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewStorageClient(s.conn).ListVolumes(ctx, &pb.ListVolumesRequest{Provider: p.config.Name, Broker: broker})
		if err != nil {
			return err
		}
		list, err = listed(stream, "volume", func(w *pb.Volume) (core.Volume, string, error) {
			v, err := p.volume(w, asked{owner: core.Owner{Broker: broker}})
			return v, w.GetId(), err
		}, func(v core.Volume) bool { return v.State != core.VolumeGone })
		return err
	})
	return list, err
}

// DeleteVolume removes a volume and what it holds, and returns when it is gone;
// one that is not there is no error. Busy while it is in use.
func (p *Provider) DeleteVolume(ctx context.Context, ref core.VolumeRef) error {
	return p.change(ctx, "delete volume", storageService, func(ctx context.Context, s *session) error {
		get := getVolumeToPB(p.config.Name, ref)
		_, err := pb.NewStorageClient(s.conn).DeleteVolume(ctx, &pb.DeleteVolumeRequest{
			Provider: get.GetProvider(), Owner: get.GetOwner(), Id: get.GetId(),
		})
		return err
	})
}

// WatchVolume calls changed with the volume at once and after every change, as
// Watch does for machines.
func (p *Provider) WatchVolume(ctx context.Context, ref core.VolumeRef, changed func(core.Volume) error) error {
	var own error
	err := p.read(ctx, "watch volume", storageService, 0, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewStorageClient(s.conn).WatchVolume(ctx, getVolumeToPB(p.config.Name, ref))
		if err != nil {
			return err
		}
		for begun, n := time.Now(), 0; ; n++ {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			v, err := p.volume(answer, askedForVolume(ref))
			if err != nil {
				return err
			}
			if own = changed(v); own != nil {
				return nil
			}
			if v.State == core.VolumeGone {
				return nil
			}
			time.Sleep(time.Duration(max(n-100, 0))*time.Millisecond - time.Since(begun))
		}
	})
	if own != nil {
		return own
	}
	return err
}

// listed reads what a stream lists, to its end. What take refuses, and what is
// named twice, is left out, and the error tells of it; so are those that keep
// says no to, without a word.
func listed[W proto.Message, T any](stream interface{ Recv() (W, error) }, what string, take func(W) (T, string, error), keep func(T) bool) ([]T, error) {
	var list []T
	var f faults
	size, seen := 0, make(map[string]bool)
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return list, f.err("the list")
		}
		if err != nil {
			return list, err
		}
		if size += proto.Size(answer); size > maxStreamBytes || len(list) == maxInstances || f.count > maxReasons {
			f.add("", "more than %d %ss or %d MiB", maxInstances, what, maxStreamBytes>>20)
			return list, f.err("the list")
		}
		one, id, err := take(answer)
		switch {
		case err != nil:
			f.add(what+" "+cut(id, 64), "%v", err)
		case seen[id]:
			f.add(what+" "+cut(id, 64), "it is listed twice")
		case keep(one):
			seen[id] = true
			list = append(list, one)
		}
	}
}
