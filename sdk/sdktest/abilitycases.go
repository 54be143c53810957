package sdktest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func abilityCases() []Case {
	return []Case{
		{"resize/grow", LevelLife, "A volume grows, in use too, but over NBD it may be Busy; the same size is no change, a smaller one is Invalid.", pb.Resizer_ServiceDesc.ServiceName, volumeGrows},
		{"rename/name", LevelLife, "A volume gets another name and keeps its id.", pb.Renamer_ServiceDesc.ServiceName, volumeRenamed},
		{"convert/format", LevelLife, "A volume gets the other format and holds the same; so do its snapshots. The same again is no change.", pb.Converter_ServiceDesc.ServiceName, volumeConverts},
		{"convert/in-use", LevelLife, "A volume that is in use is not converted: Busy, with who has it. Who begins to use it meanwhile has it whole.", pb.Converter_ServiceDesc.ServiceName, volumeNotConverted},
		{"lock/holder", LevelLife, "A lock is its holder's: the same again is no change, another is Busy with who holds it, and only the holder gives it back.", pb.Locker_ServiceDesc.ServiceName, lockHolds},
		{"lock/writers", LevelLife, "While somebody has locked a volume nobody else's export for writing begins.", pb.Locker_ServiceDesc.ServiceName, lockKeepsWritersOut},
		{"lock/force", LevelLife, "By force a lock goes, and every writer before it.", pb.Locker_ServiceDesc.ServiceName, lockForced},
	}
}

// onVolume makes a volume and gives the ability that a case is about.
func onVolume[T any](ctx context.Context, e *Env) (T, *pb.Owner, *pb.Volume, error) {
	a, err := ability[T](e)
	if err != nil {
		return a, nil, nil, err
	}
	o, v, err := e.volume(ctx)
	return a, o, v, err
}

func volumeGrows(ctx context.Context, e *Env) error {
	r, o, v, err := onVolume[sdk.Resizer](ctx, e)
	if err != nil {
		return err
	}
	size := v.GetSpec().GetSizeBytes()
	resize := func(to uint64) (*pb.Volume, error) {
		ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
		defer cancel()
		return r.ResizeVolume(ctx, &pb.ResizeVolumeRequest{Provider: providerName, Owner: &pb.Owner{Broker: o.GetBroker()}, Id: v.GetId(), SizeBytes: to})
	}
	var faults []error
	for range 2 {
		if now, err := resize(2 * size); err != nil || now.GetSpec().GetSizeBytes() < 2*size {
			faults = append(faults, fmt.Errorf("from %d to %d: %d, error %w", size, 2*size, now.GetSpec().GetSizeBytes(), err))
		}
	}
	if _, err := resize(size); sdk.KindOf(err) != sdk.Invalid {
		faults = append(faults, fmt.Errorf("back to %d: error %w, want Invalid", size, err))
	}
	if from, _, none := e.consumers(); none == nil && e.Has(pb.Exporter_ServiceDesc.ServiceName) {
		req := e.exportRequest(o, v.GetId(), attachmentID(), from)
		answer, err := e.export(ctx, req)
		if err != nil {
			faults = append(faults, fmt.Errorf("export: %w", err))
		}
		now, err := resize(3 * size)
		if answer.GetConnection().GetNbd() != nil && sdk.KindOf(err) == sdk.Busy {
			// Who is connected would be cut off: it stays as it is, and grows later.
			faults = append(faults, e.uses(ctx, v.GetId(), "after it did not grow in use", req.GetAttachmentId()))
			have, err := e.getVolume(ctx, nil, v.GetId())
			if err != nil || have.GetSpec().GetSizeBytes() >= 3*size {
				faults = append(faults, fmt.Errorf("refused while in use: %d, error %w", have.GetSpec().GetSizeBytes(), err))
			}
			faults = append(faults, e.unexport(ctx, v.GetId(), req.GetAttachmentId(), false))
			now, err = resize(3 * size)
			if err != nil || now.GetSpec().GetSizeBytes() < 3*size {
				faults = append(faults, fmt.Errorf("after its use, to %d: %d, error %w", 3*size, now.GetSpec().GetSizeBytes(), err))
			}
			return errors.Join(faults...)
		}
		if err != nil || now.GetSpec().GetSizeBytes() < 3*size {
			faults = append(faults, fmt.Errorf("in use, to %d: %d, error %w", 3*size, now.GetSpec().GetSizeBytes(), err))
		}
		faults = append(faults, e.uses(ctx, v.GetId(), "after it grew in use", req.GetAttachmentId()))
	}
	return errors.Join(faults...)
}

func volumeRenamed(ctx context.Context, e *Env) error {
	r, o, v, err := onVolume[sdk.Renamer](ctx, e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	for range 2 {
		now, err := r.RenameVolume(ctx, &pb.RenameVolumeRequest{Provider: providerName, Owner: &pb.Owner{Broker: o.GetBroker()}, Id: v.GetId(), Name: "renamed"})
		if err != nil || now.GetName() != "renamed" || now.GetId() != v.GetId() {
			return fmt.Errorf("rename: name %q, id %q, error %w", now.GetName(), now.GetId(), err)
		}
	}
	now, err := e.getVolume(ctx, o, "")
	if err != nil || now.GetName() != "renamed" || now.GetId() != v.GetId() {
		return fmt.Errorf("after it: name %q, id %q, error %w", now.GetName(), now.GetId(), err)
	}
	return nil
}

// locking is the locker on one volume.
type locking struct {
	sdk.Locker
	e  *Env
	id string
}

func (l locking) lock(ctx context.Context, holder string) (*pb.Volume, error) {
	return l.lockFor(ctx, holder, "")
}

// lockFor lets nobody but one allocation write.
func (l locking) lockFor(ctx context.Context, holder, allocation string) (*pb.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, l.e.Target.Call)
	defer cancel()
	return l.LockVolume(ctx, &pb.LockVolumeRequest{Provider: providerName, Id: l.id, Lock: &pb.VolumeLock{Holder: holder, Allocation: allocation}})
}

func (l locking) unlock(ctx context.Context, holder string, force bool) (*pb.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, l.e.Target.Call)
	defer cancel()
	return l.UnlockVolume(ctx, &pb.UnlockVolumeRequest{Provider: providerName, Id: l.id, Holder: holder, Force: force})
}

func lockHolds(ctx context.Context, e *Env) error {
	k, o, v, err := onVolume[sdk.Locker](ctx, e)
	if err != nil {
		return err
	}
	l := locking{k, e, v.GetId()}
	holder, other := o.GetBroker()+" ann@desk", "b-other bob@desk"
	var faults []error
	for range 2 {
		now, err := l.lock(ctx, holder)
		if err != nil || now.GetLock().GetHolder() != holder || !now.GetLock().GetSince().IsValid() {
			faults = append(faults, fmt.Errorf("lock: %v, error %w", now.GetLock(), err))
		}
	}
	if _, err := l.lock(ctx, other); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "ann@desk") {
		faults = append(faults, fmt.Errorf("another's lock: error %w, want Busy and that %s has it", err, holder))
	}
	if _, err := l.unlock(ctx, other, false); sdk.KindOf(err) != sdk.Denied {
		faults = append(faults, fmt.Errorf("unlock by another: error %w, want Denied", err))
	}
	for range 2 {
		if now, err := l.unlock(ctx, holder, false); err != nil || now.GetLock() != nil {
			faults = append(faults, fmt.Errorf("unlock: %v, error %w", now.GetLock(), err))
		}
	}
	if _, err := l.lock(ctx, other); err != nil {
		faults = append(faults, fmt.Errorf("another's lock after it: %w", err))
	}
	return errors.Join(faults...)
}

func lockKeepsWritersOut(ctx context.Context, e *Env) error {
	from, _, err := e.consumers()
	if err != nil || !e.Has(pb.Exporter_ServiceDesc.ServiceName) {
		return ErrSkip
	}
	k, o, v, err := onVolume[sdk.Locker](ctx, e)
	if err != nil {
		return err
	}
	l := locking{k, e, v.GetId()}
	holder := o.GetBroker() + " ann@desk"
	now, err := l.lockFor(ctx, holder, o.GetAllocation())
	if err != nil || now.GetLock().GetAllocation() != o.GetAllocation() {
		return fmt.Errorf("lock for allocation %s: %v, error %w", o.GetAllocation(), now.GetLock(), err)
	}
	var faults []error
	if _, err := l.lock(ctx, holder); sdk.KindOf(err) != sdk.Busy {
		faults = append(faults, fmt.Errorf("the same holder's lock for every allocation: error %w, want Busy", err))
	}
	stranger, sibling := e.owner(), e.owner()
	sibling.Broker = o.GetBroker()
	for what, other := range map[string]*pb.Owner{"another broker's": stranger, "another allocation's": sibling} {
		if _, err := e.export(ctx, e.exportRequest(other, v.GetId(), attachmentID(), from)); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "ann@desk") {
			faults = append(faults, fmt.Errorf("%s export: error %w, want Busy and that %s has locked it", what, err, holder))
		}
	}
	own := e.exportRequest(o, v.GetId(), attachmentID(), from)
	if _, err := e.export(ctx, own); err != nil {
		faults = append(faults, fmt.Errorf("the holder's own export: %w", err))
	}
	return errors.Join(append(faults, e.uses(ctx, v.GetId(), "locked", own.GetAttachmentId()))...)
}

func lockForced(ctx context.Context, e *Env) error {
	k, o, v, err := onVolume[sdk.Locker](ctx, e)
	if err != nil {
		return err
	}
	l := locking{k, e, v.GetId()}
	if _, err := l.lock(ctx, o.GetBroker()+" ann@desk"); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	from, _, none := e.consumers()
	exports := none == nil && e.Has(pb.Exporter_ServiceDesc.ServiceName)
	if exports {
		if _, err := e.export(ctx, e.exportRequest(o, v.GetId(), attachmentID(), from)); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	now, err := l.unlock(ctx, "b-other bob@desk", true)
	if err != nil || now.GetLock() != nil {
		return fmt.Errorf("unlock by force: %v, error %w", now.GetLock(), err)
	}
	if !exports {
		return nil
	}
	stranger := e.exportRequest(e.owner(), v.GetId(), attachmentID(), from)
	faults := []error{e.uses(ctx, v.GetId(), "after the lock went by force")}
	if _, err := e.export(ctx, stranger); err != nil {
		faults = append(faults, fmt.Errorf("another's export after it: %w", err))
	}
	return errors.Join(faults...)
}
