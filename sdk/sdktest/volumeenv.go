package sdktest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// ability is what the target's provider has besides its calls. That Describe lists
// it, the case's Needs has seen to.
func ability[T any](e *Env) (T, error) {
	a, ok := e.provider.(T)
	if !ok {
		return a, fmt.Errorf("the provider is a %T, which has no such calls", e.provider)
	}
	return a, nil
}

// volumeRequest is a CreateVolume for the best offer that can be bought.
func (e *Env) volumeRequest(ctx context.Context, o *pb.Owner) (*pb.CreateVolumeRequest, error) {
	offers, reasons, err := e.volumeOffers(ctx, e.Target.Volume, e.Target.ForHours, 0, "")
	if err != nil {
		return nil, err
	}
	for _, offer := range offers {
		if offer.GetQuoteOnly() == "" {
			return &pb.CreateVolumeRequest{Provider: providerName, Owner: o, Name: "conformance", Spec: e.Target.Volume, Offer: offer}, nil
		}
	}
	return nil, fmt.Errorf("offer: of %d offers none can be bought for the volume that fits, because %v", len(offers), reasons)
}

func (e *Env) createVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	return e.storage.CreateVolume(ctx, req)
}

// passes reports whether the broker would send the same again.
func passes(err error) bool {
	switch sdk.KindOf(err) {
	case sdk.Busy, sdk.Uncertain, sdk.Throttled, sdk.Unavailable:
		return true
	}
	return false
}

// untilAvailable repeats a CreateVolume as the broker does.
func (e *Env) untilAvailable(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	for {
		v, err := e.createVolume(ctx, req)
		switch {
		case err == nil && v.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE:
			return v, nil
		case err == nil && v.GetState() == pb.VolumeState_VOLUME_STATE_FAILED:
			return nil, fmt.Errorf("create volume: it failed: %s", v.GetMessage())
		case err != nil && !passes(err):
			return nil, fmt.Errorf("create volume: %w", err)
		}
		if !pause(ctx, 20*time.Millisecond) {
			return nil, fmt.Errorf("create volume: not available after %v; state %v, last error %v", e.Target.Running, v.GetState(), err)
		}
	}
}

// volume makes one of a new broker.
func (e *Env) volume(ctx context.Context) (*pb.Owner, *pb.Volume, error) {
	o := e.owner()
	req, err := e.volumeRequest(ctx, o)
	if err != nil {
		return o, nil, err
	}
	v, err := e.untilAvailable(ctx, req)
	return o, v, err
}

func (e *Env) getVolume(ctx context.Context, o *pb.Owner, id string) (*pb.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	return e.storage.GetVolume(ctx, &pb.GetVolumeRequest{Provider: providerName, Owner: o, Id: id})
}

func (e *Env) volumes(ctx context.Context, broker string) (all []*pb.Volume, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	err = e.storage.ListVolumes(ctx, &pb.ListVolumesRequest{Provider: providerName, Broker: broker}, func(v *pb.Volume) error {
		all = append(all, v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	return all, nil
}

func (e *Env) removeVolume(ctx context.Context, o *pb.Owner) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	if err := e.storage.DeleteVolume(ctx, &pb.DeleteVolumeRequest{Provider: providerName, Owner: o}); err != nil {
		return fmt.Errorf("delete volume: %w", err)
	}
	return nil
}

// holdsVolumes says what is wrong if a broker has other than n volumes.
func (e *Env) holdsVolumes(ctx context.Context, broker string, n int, when string) error {
	e.settled(ctx)
	all, err := e.volumes(ctx, broker)
	if err != nil {
		return err
	}
	if len(all) != n {
		return fmt.Errorf("%s: ListVolumes shows %d volumes, want %d", when, len(all), n)
	}
	return nil
}

// cleanVolumes removes what a broker still has of volumes and images. Clones stand
// in the way of what they were made from, so it is tried more than once.
func (e *Env) cleanVolumes(ctx context.Context, broker string) error {
	if e.storage == nil {
		return nil
	}
	var faults []error
	for range 3 {
		faults = nil
		all, err := e.volumes(ctx, broker)
		if err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
		for _, v := range all {
			faults = append(faults, e.cleanVolume(ctx, v))
		}
		if errors.Join(faults...) == nil {
			break
		}
	}
	faults = append(faults, e.cleanImages(ctx, broker))
	if left, err := e.volumes(ctx, broker); err != nil || len(left) > 0 {
		faults = append(faults, fmt.Errorf("clean up: %d volumes of broker %s are still there, error %w", len(left), broker, err))
	}
	return errors.Join(faults...)
}

func (e *Env) cleanVolume(ctx context.Context, v *pb.Volume) error {
	if l, ok := e.provider.(sdk.Locker); ok && v.GetLock() != nil {
		_, err := l.UnlockVolume(ctx, &pb.UnlockVolumeRequest{Provider: providerName, Id: v.GetId(), Holder: v.GetLock().GetHolder()})
		if err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
	}
	for _, u := range v.GetUses() {
		if err := e.unexport(ctx, v.GetId(), u.GetAttachmentId(), true); err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
	}
	if s, ok := e.provider.(sdk.Snapshotter); ok && e.Has(pb.Snapshotter_ServiceDesc.ServiceName) {
		for _, one := range snapshotsOf(ctx, s, v.GetId()) {
			_ = s.DeleteSnapshot(ctx, &pb.DeleteSnapshotRequest{Provider: providerName, VolumeId: v.GetId(), Id: one.GetId()})
		}
	}
	return e.removeVolume(ctx, v.GetOwner())
}

func (e *Env) cleanImages(ctx context.Context, broker string) error {
	images, ok := e.provider.(sdk.Images)
	if !ok || !e.Has(pb.Images_ServiceDesc.ServiceName) {
		return nil
	}
	var faults []error
	err := images.ListImages(ctx, &pb.ListImagesRequest{Provider: providerName, Broker: broker}, func(i *pb.Image) error {
		if i.GetOwner().GetBroker() == broker {
			faults = append(faults, images.DeleteImage(ctx, &pb.DeleteImageRequest{Provider: providerName, Id: i.GetId()}))
		}
		return nil
	})
	return errors.Join(append(faults, err)...)
}

// otherKey is an owner's second object.
func otherKey(o *pb.Owner, suffix string) *pb.Owner {
	n := proto.CloneOf(o)
	n.Key += suffix
	return n
}

// waitAvailable looks at a volume until it is available.
func (e *Env) waitAvailable(ctx context.Context, o *pb.Owner, v *pb.Volume) (*pb.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	for v.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE {
		if !pause(ctx, 20*time.Millisecond) {
			return nil, fmt.Errorf("the volume is still %v after %v", v.GetState(), e.Target.Running)
		}
		now, err := e.getVolume(ctx, o, "")
		if err != nil {
			return nil, err
		}
		v = now
	}
	return v, nil
}

// imageAvailable repeats an ImportImage as the broker does.
func (e *Env) imageAvailable(ctx context.Context, images sdk.Images, req *pb.ImportImageRequest) (*pb.Image, error) {
	for {
		i, err := images.ImportImage(ctx, req)
		switch {
		case err == nil && i.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE:
			return i, nil
		case err != nil && !passes(err):
			return nil, fmt.Errorf("import image: %w", err)
		}
		if !pause(ctx, 20*time.Millisecond) {
			return nil, fmt.Errorf("import image: state %v, last error %v", i.GetState(), err)
		}
	}
}

// untilNone waits until a broker has no volume: who is cut off is not told when
// the rest is cleaned up.
func (e *Env) untilNone(ctx context.Context, o *pb.Owner) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	for {
		err := e.holdsVolumes(ctx, o.GetBroker(), 0, "after imports that failed")
		if err == nil || !pause(ctx, 20*time.Millisecond) {
			return err
		}
	}
}
