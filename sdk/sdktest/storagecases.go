package sdktest

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func storageCases() []Case {
	storage := pb.Storage_ServiceDesc.ServiceName
	return []Case{
		{"volume/offers", LevelLife, "Offers of volumes have the size, an id of their own, a way to be reached and a price in every SKU, and come in order of their exact total, for 2 h and a year too.", storage, volumeOffersAreRight},
		{"volume/limit", LevelLife, "No more offers of volumes are sent than asked for, the first is the same, and each can be asked for by its id.", storage, volumeLimitHolds},
		{"volume/no", LevelLife, "Having no volume to offer is an answer with reasons, also where the machine takes none of the ways to it.", storage, volumeNoHasReasons},
		{"volume/cycle", LevelLife, "A volume is created until it is available, is found by key and by id, listed for its broker and for all, deleted, and then gone.", storage, volumeCycle},
		{"volume/watch", LevelLife, "WatchVolume sends the volume at once, and GONE as its last word.", storage, ofVolumes(volumes.watched)},
		{"volume/missing", LevelLife, "GetVolume of what is not there is NotFound; DeleteVolume of it is done.", storage, ofVolumes(volumes.missing)},
		{"volume/image", LevelLife, "A volume is made of an image whose sha256 is right; of one whose sha256 is wrong it is refused, and nothing is left.", storage, volumeOfImage},
		{"volume/again", LevelIdempotence, "The same CreateVolume ten times makes one volume.", storage, ofVolumes(volumes.again)},
		{"volume/again-parallel", LevelIdempotence, "The same CreateVolume ten times at once makes one volume; Busy is a right answer to some.", storage, ofVolumes(volumes.againAtOnce)},
		{"volume/conflict", LevelIdempotence, "The same key with another request hash is a Conflict and changes nothing.", storage, ofVolumes(volumes.conflict)},
		{"volume/two", LevelIdempotence, "Two keys are two volumes, and deleting one, ten times at once, leaves the other.", storage, ofVolumes(volumes.two)},
		{"volume/other-broker", LevelIdempotence, "A broker's volumes are neither found by key nor deleted by another.", storage, ofVolumes(volumes.otherBroker)},
		{"volume/crash-create", LevelCrash, "The plugin is killed between a CreateVolume and its answer: repeated, the same ends in exactly one volume under its key.", storage, ofVolumes(volumes.killInCreate)},
		{"volume/crash-delete", LevelCrash, "The plugin is killed between a DeleteVolume and its answer: repeated, nothing is left.", storage, ofVolumes(volumes.killInDelete)},
	}
}

func volumeCycle(ctx context.Context, e *Env) error {
	o, made, err := e.volume(ctx)
	if err != nil {
		return err
	}
	var faults []error
	same := func(how string, v *pb.Volume, err error) {
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", how, err))
		case v.GetId() != made.GetId():
			faults = append(faults, fmt.Errorf("%s: id %q, it was made as %q", how, v.GetId(), made.GetId()))
		case !proto.Equal(v.GetOwner(), o):
			faults = append(faults, fmt.Errorf("%s: owner %v, want %v", how, v.GetOwner(), o))
		case v.GetName() != "conformance" || v.GetSpec().GetSizeBytes() < e.Target.Volume.GetSizeBytes():
			faults = append(faults, fmt.Errorf("%s: name %q and %d bytes, want %q and at least %d", how, v.GetName(), v.GetSpec().GetSizeBytes(), "conformance", e.Target.Volume.GetSizeBytes()))
		case len(v.GetUses()) > 0 || v.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE:
			faults = append(faults, fmt.Errorf("%s: state %v and uses %v of a volume that nobody uses", how, v.GetState(), v.GetUses()))
		}
	}
	same("CreateVolume", made, nil)
	byKey, err := e.getVolume(ctx, o, "")
	same("GetVolume by key", byKey, err)
	byID, err := e.getVolume(ctx, nil, made.GetId())
	same("GetVolume by id", byID, err)
	for _, broker := range []string{o.GetBroker(), ""} {
		list, err := e.volumes(ctx, broker)
		n := 0
		for _, v := range list {
			if v.GetId() == made.GetId() {
				same("ListVolumes", v, nil)
				n++
			}
		}
		if err != nil || n != 1 || broker != "" && len(list) != 1 {
			faults = append(faults, fmt.Errorf("ListVolumes of broker %q: it is there %d times among %d, error %w", broker, n, len(list), err))
		}
	}
	if err := e.removeVolume(ctx, o); err != nil {
		return errors.Join(append(faults, err)...)
	}
	if v, err := e.getVolume(ctx, o, ""); sdk.KindOf(err) != sdk.NotFound {
		faults = append(faults, fmt.Errorf("GetVolume after DeleteVolume: %v, error %w; want NotFound", v, err))
	}
	return errors.Join(append(faults, e.holdsVolumes(ctx, o.GetBroker(), 0, "after DeleteVolume"))...)
}

func volumeOfImage(ctx context.Context, e *Env) error {
	if e.Target.Image == nil {
		return ErrSkip
	}
	o := e.owner()
	req, err := e.volumeRequest(ctx, o)
	if err != nil {
		return err
	}
	req.Origin = &pb.CreateVolumeRequest_Image{Image: e.Target.Image}
	_, err = e.untilAvailable(ctx, req)
	faults := []error{err, e.removeVolume(ctx, o)}
	if e.Target.Image.GetSha256() == "" {
		return errors.Join(faults...)
	}
	wrong := proto.CloneOf(req)
	wrong.Owner = otherKey(o, "-wrong")
	wrong.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: e.Target.Image.GetUrl(), Sha256: "00" + e.Target.Image.GetSha256()[2:]}}
	if e.Target.Image.GetSha256()[:2] == "00" {
		return errors.Join(append(faults, errors.New("target: want an image whose sha256 does not begin with 00"))...)
	}
	if v, err := e.untilAvailable(ctx, wrong); sdk.KindOf(err) != sdk.Invalid {
		faults = append(faults, fmt.Errorf("an image with another sha256: %v, error %w; want Invalid", v, err))
	}
	return errors.Join(append(faults, e.holdsVolumes(ctx, o.GetBroker(), 0, "after an image with another sha256"))...)
}
