package sdktest

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
		{"volume/watch", LevelLife, "WatchVolume sends the volume at once, and GONE as its last word.", storage, volumeWatches},
		{"volume/missing", LevelLife, "GetVolume of what is not there is NotFound; DeleteVolume of it is done.", storage, volumeMissing},
		{"volume/image", LevelLife, "A volume is made of an image whose sha256 is right; of one whose sha256 is wrong it is refused, and nothing is left.", storage, volumeOfImage},
		{"volume/again", LevelIdempotence, "The same CreateVolume ten times makes one volume.", storage, volumeAgain},
		{"volume/again-parallel", LevelIdempotence, "The same CreateVolume ten times at once makes one volume; Busy is a right answer to some.", storage, volumeAgainParallel},
		{"volume/conflict", LevelIdempotence, "The same key with another request hash is a Conflict and changes nothing.", storage, volumeConflict},
		{"volume/two", LevelIdempotence, "Two keys are two volumes, and deleting one, ten times at once, leaves the other.", storage, volumeTwoKeys},
		{"volume/other-broker", LevelIdempotence, "A broker's volumes are neither found by key nor deleted by another.", storage, volumeOtherBroker},
		{"volume/crash-create", LevelCrash, "The plugin is killed between a CreateVolume and its answer: repeated, the same ends in exactly one volume under its key.", storage, killInCreateVolume},
		{"volume/crash-delete", LevelCrash, "The plugin is killed between a DeleteVolume and its answer: repeated, nothing is left.", storage, killInDeleteVolume},
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

func volumeWatches(ctx context.Context, e *Env) error {
	o, made, err := e.volume(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	states := make(chan pb.VolumeState, 100)
	ended := make(chan error, 1)
	go func() {
		defer close(states)
		ended <- e.storage.WatchVolume(ctx, &pb.GetVolumeRequest{Provider: providerName, Owner: o}, func(v *pb.Volume) error {
			if v.GetId() != made.GetId() {
				return fmt.Errorf("watch: id %q, want %q", v.GetId(), made.GetId())
			}
			states <- v.GetState()
			return nil
		})
	}()
	if first, ok := <-states; !ok || first == pb.VolumeState_VOLUME_STATE_GONE {
		return fmt.Errorf("watch: the first state is %v: %w", first, <-ended)
	}
	if err := e.removeVolume(ctx, o); err != nil {
		return err
	}
	last := pb.VolumeState_VOLUME_STATE_UNSPECIFIED
	for s := range states {
		last = s
	}
	if err := <-ended; err != nil || last != pb.VolumeState_VOLUME_STATE_GONE {
		return fmt.Errorf("watch: its last word is %v, error %w; want GONE and none", last, err)
	}
	return nil
}

func volumeMissing(ctx context.Context, e *Env) error {
	o := e.owner()
	var faults []error
	if _, err := e.getVolume(ctx, o, ""); sdk.KindOf(err) != sdk.NotFound {
		faults = append(faults, fmt.Errorf("by key: error %v of kind %q, want NotFound", err, sdk.KindOf(err)))
	}
	if _, err := e.getVolume(ctx, nil, "no-such-volume"); sdk.KindOf(err) != sdk.NotFound {
		faults = append(faults, fmt.Errorf("by id: error %v of kind %q, want NotFound", err, sdk.KindOf(err)))
	}
	for range 2 {
		faults = append(faults, e.removeVolume(ctx, o))
	}
	return errors.Join(faults...)
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

func volumeAgain(ctx context.Context, e *Env) error {
	o := e.owner()
	req, err := e.volumeRequest(ctx, o)
	if err != nil {
		return err
	}
	first, err := e.untilAvailable(ctx, req)
	if err != nil {
		return err
	}
	var faults []error
	for range repeats - 1 {
		v, err := e.createVolume(ctx, req)
		if err != nil || v.GetId() != first.GetId() {
			faults = append(faults, fmt.Errorf("create volume again: id %q, error %w; want %q", v.GetId(), err, first.GetId()))
		}
	}
	return errors.Join(append(faults, e.holdsVolumes(ctx, o.GetBroker(), 1, "after ten times the same CreateVolume"))...)
}

func volumeAgainParallel(ctx context.Context, e *Env) error {
	o := e.owner()
	req, err := e.volumeRequest(ctx, o)
	if err != nil {
		return err
	}
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		ids = map[string]bool{}
		bad []error
	)
	for range repeats {
		wg.Go(func() {
			v, err := e.createVolume(ctx, proto.CloneOf(req))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ids[v.GetId()] = true
			} else if sdk.KindOf(err) != sdk.Busy {
				bad = append(bad, fmt.Errorf("create volume: %w", err))
			}
		})
	}
	wg.Wait()
	if len(ids) > 1 {
		bad = append(bad, fmt.Errorf("%d volumes for one key: %v", len(ids), ids))
	}
	if _, err := e.untilAvailable(ctx, req); err != nil {
		bad = append(bad, err)
	}
	return errors.Join(append(bad, e.holdsVolumes(ctx, o.GetBroker(), 1, "after ten times the same CreateVolume at once"))...)
}

func volumeConflict(ctx context.Context, e *Env) error {
	o := e.owner()
	req, err := e.volumeRequest(ctx, o)
	if err != nil {
		return err
	}
	first, err := e.untilAvailable(ctx, req)
	if err != nil {
		return err
	}
	other := proto.CloneOf(req)
	other.Owner.Request = "another-request"
	var faults []error
	if v, err := e.createVolume(ctx, other); sdk.KindOf(err) != sdk.Conflict {
		faults = append(faults, fmt.Errorf("create volume with another request: %q, error %w; want Conflict", v.GetId(), err))
	}
	if v, err := e.getVolume(ctx, o, ""); err != nil || v.GetId() != first.GetId() || v.GetOwner().GetRequest() != o.GetRequest() {
		faults = append(faults, fmt.Errorf("after the Conflict: id %q, request %q, error %w; want %q and %q",
			v.GetId(), v.GetOwner().GetRequest(), err, first.GetId(), o.GetRequest()))
	}
	return errors.Join(append(faults, e.holdsVolumes(ctx, o.GetBroker(), 1, "after the Conflict"))...)
}

func volumeTwoKeys(ctx context.Context, e *Env) error {
	o, first, err := e.volume(ctx)
	if err != nil {
		return err
	}
	o2 := otherKey(o, "-2")
	req, err := e.volumeRequest(ctx, o2)
	if err != nil {
		return err
	}
	second, err := e.untilAvailable(ctx, req)
	if err != nil {
		return err
	}
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		bad []error
	)
	if first.GetId() == second.GetId() {
		bad = append(bad, fmt.Errorf("both are %q", first.GetId()))
	}
	bad = append(bad, e.holdsVolumes(ctx, o.GetBroker(), 2, "after two keys"))
	for range repeats {
		wg.Go(func() {
			if err := e.removeVolume(ctx, o); err != nil && sdk.KindOf(err) != sdk.Busy {
				mu.Lock()
				defer mu.Unlock()
				bad = append(bad, err)
			}
		})
	}
	wg.Wait()
	bad = append(bad, e.removeVolume(ctx, o))
	if v, err := e.getVolume(ctx, o2, ""); err != nil || v.GetId() != second.GetId() {
		bad = append(bad, fmt.Errorf("after the first was deleted the second is %q, error %w", v.GetId(), err))
	}
	return errors.Join(append(bad, e.holdsVolumes(ctx, o.GetBroker(), 1, "after the first was deleted"))...)
}

func volumeOtherBroker(ctx context.Context, e *Env) error {
	o, made, err := e.volume(ctx)
	if err != nil {
		return err
	}
	thief := proto.CloneOf(o)
	thief.Broker = e.owner().GetBroker()
	faults := []error{e.holdsVolumes(ctx, thief.GetBroker(), 0, "another broker")}
	if v, err := e.getVolume(ctx, thief, ""); sdk.KindOf(err) != sdk.NotFound {
		faults = append(faults, fmt.Errorf("GetVolume with the key and another broker: %q, error %w; want NotFound", v.GetId(), err))
	}
	faults = append(faults, e.removeVolume(ctx, thief))
	if v, err := e.getVolume(ctx, o, ""); err != nil || v.GetId() != made.GetId() {
		faults = append(faults, fmt.Errorf("after another broker's DeleteVolume of the same key: %q, error %w", v.GetId(), err))
	}
	return errors.Join(faults...)
}

func killInCreateVolume(ctx context.Context, e *Env) error {
	return e.eachKill(func(when string, kill func(context.Context, func(context.Context)) error) error {
		o := e.owner()
		req, err := e.volumeRequest(ctx, o)
		if err != nil {
			return err
		}
		if err := kill(ctx, func(ctx context.Context) { _, _ = e.createVolume(ctx, req) }); err != nil {
			return err
		}
		first, err := e.untilAvailable(ctx, req)
		if err != nil {
			return err
		}
		var faults []error
		if v, err := e.getVolume(ctx, o, ""); err != nil || v.GetId() != first.GetId() {
			faults = append(faults, fmt.Errorf("GetVolume by key gives %q, error %w; CreateVolume gave %q", v.GetId(), err, first.GetId()))
		}
		return errors.Join(append(faults,
			e.holdsVolumes(ctx, o.GetBroker(), 1, when+" and repeated"),
			e.removeVolume(ctx, o),
			e.holdsVolumes(ctx, o.GetBroker(), 0, when+", repeated and deleted"))...)
	})
}

func killInDeleteVolume(ctx context.Context, e *Env) error {
	return e.eachKill(func(when string, kill func(context.Context, func(context.Context)) error) error {
		o, _, err := e.volume(ctx)
		if err != nil {
			return err
		}
		if err := kill(ctx, func(ctx context.Context) { _ = e.removeVolume(ctx, o) }); err != nil {
			return err
		}
		return errors.Join(e.removeVolume(ctx, o), e.holdsVolumes(ctx, o.GetBroker(), 0, when+" and repeated"))
	})
}

// eachKill tries something with a kill after each of the target's delays.
func (e *Env) eachKill(try func(when string, kill func(ctx context.Context, call func(context.Context)) error) error) error {
	if e.Target.KillAndRestart == nil {
		return ErrSkip
	}
	var faults []error
	for _, delay := range e.Target.KillAfter {
		when := fmt.Sprintf("killed %v after the call was sent", delay)
		err := try(when, func(ctx context.Context, call func(context.Context)) error { return e.killDuring(ctx, delay, call) })
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", when, err))
		}
	}
	return errors.Join(faults...)
}
