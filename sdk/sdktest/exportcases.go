package sdktest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func exportCases() []Case {
	exporter := pb.Exporter_ServiceDesc.ServiceName
	return []Case{
		{"export/again", LevelIdempotence, "The same attachment again, ten times and at once, gives the same connection and epoch, or is Busy; the volume shows one use.", exporter, exportAgain},
		{"export/second-writer", LevelLife, "While one attachment may write, another one is Busy, with who holds it; so is deleting the volume.", exporter, exportSecondWriter},
		{"export/epoch", LevelLife, "Every new right to write has a higher epoch than all before it. Ending what is not exported is done.", exporter, exportEpoch},
		{"export/race", LevelIdempotence, "Of many attachments that want to write at once exactly one gets the volume, the others are Busy.", exporter, exportRace},
		{"export/readers", LevelLife, "Many may read at once, and while they do nobody gets to write; a provider that cannot is Unsupported.", exporter, exportReaders},
		{"export/force", LevelLife, "By force an attachment ends, and the next one may write.", exporter, exportForce},
		{"export/unreachable", LevelLife, "For a machine that takes none of the ways to the volume it is Unsupported, and nothing is exported.", exporter, exportUnreachable},
		{"export/others-stay", LevelLife, "Ending an attachment of another name or volume leaves those that there are.", exporter, exportOthersStay},
		{"export/crash", LevelCrash, "The plugin is killed between an Export or Unexport and its answer: repeated, the volume has exactly one use, or none.", exporter, killInExport},
	}
}

// attachmentID is one that was never used.
func attachmentID() string { return "a" + strings.ToLower(rand.Text()[:12]) }

func (e *Env) exportRequest(o *pb.Owner, volume, attachment string, from *pb.Consumer) *pb.ExportRequest {
	return &pb.ExportRequest{
		Provider: providerName, VolumeId: volume, Owner: o, AttachmentId: attachment, Consumable: from.GetKinds(), Consumer: from.GetHost(), From: from,
	}
}

// consumers are the two that reach volumes; they may be the same one.
func (e *Env) consumers() (first, second *pb.Consumer, err error) {
	switch all := e.Target.From; len(all) {
	case 0:
		return nil, nil, ErrSkip
	case 1:
		return all[0], all[0], nil
	default:
		return all[0], all[1], nil
	}
}

func (e *Env) export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	x, err := ability[sdk.Exporter](e)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	return x.Export(ctx, req)
}

func (e *Env) unexport(ctx context.Context, volume, attachment string, force bool) error {
	x, err := ability[sdk.Exporter](e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	err = x.Unexport(ctx, &pb.UnexportRequest{Provider: providerName, VolumeId: volume, AttachmentId: attachment, Force: force})
	if err != nil {
		return fmt.Errorf("unexport %s: %w", attachment, err)
	}
	return nil
}

// uses says what is wrong if a volume has other than these attachments.
func (e *Env) uses(ctx context.Context, volume, when string, attachments ...string) error {
	v, err := e.getVolume(ctx, nil, volume)
	if err != nil {
		return fmt.Errorf("%s: get volume: %w", when, err)
	}
	var have []string
	for _, u := range v.GetUses() {
		have = append(have, u.GetAttachmentId())
	}
	if len(have) != len(attachments) {
		return fmt.Errorf("%s: the volume shows the attachments %v, want %v", when, have, attachments)
	}
	for i := range have {
		if !strings.Contains(" "+strings.Join(attachments, " ")+" ", " "+have[i]+" ") {
			return fmt.Errorf("%s: the volume shows the attachments %v, want %v", when, have, attachments)
		}
	}
	return nil
}

// exported makes a volume and exports it for writing.
func (e *Env) exported(ctx context.Context) (*pb.Owner, *pb.ExportRequest, *pb.ExportResponse, error) {
	from, _, err := e.consumers()
	if err != nil {
		return nil, nil, nil, err
	}
	o, v, err := e.volume(ctx)
	if err != nil {
		return o, nil, nil, err
	}
	req := e.exportRequest(o, v.GetId(), attachmentID(), from)
	x, err := e.export(ctx, req)
	if err != nil {
		return o, req, nil, fmt.Errorf("export: %w", err)
	}
	return o, req, x, nil
}

func exportAgain(ctx context.Context, e *Env) error {
	_, req, first, err := e.exported(ctx)
	if err != nil {
		return err
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		faults []error
	)
	if first.GetConnection().GetPath() == nil {
		faults = append(faults, errors.New("the connection has no path"))
	}
	for range repeats {
		wg.Go(func() {
			x, err := e.export(ctx, proto.CloneOf(req))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case sdk.KindOf(err) == sdk.Busy:
			case err != nil:
				faults = append(faults, fmt.Errorf("export again: %w", err))
			case !proto.Equal(x, first):
				// Of the connections there is nothing to show: they have secrets.
				faults = append(faults, fmt.Errorf("export again: another connection or epoch %d, the first was %d", x.GetEpoch(), first.GetEpoch()))
			}
		})
	}
	wg.Wait()
	return errors.Join(append(faults, e.uses(ctx, req.GetVolumeId(), "after ten times the same Export", req.GetAttachmentId()))...)
}

func exportSecondWriter(ctx context.Context, e *Env) error {
	o, req, _, err := e.exported(ctx)
	if err != nil {
		return err
	}
	_, other, err := e.consumers()
	if err != nil {
		return err
	}
	second := e.exportRequest(o, req.GetVolumeId(), attachmentID(), other)
	var faults []error
	_, err = e.export(ctx, second)
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), req.GetAttachmentId()) && !strings.Contains(err.Error(), o.GetAllocation()) {
		faults = append(faults, fmt.Errorf("a second writer got error %w; want Busy, and that attachment %s or allocation %s has it", err, req.GetAttachmentId(), o.GetAllocation()))
	}
	faults = append(faults, e.uses(ctx, req.GetVolumeId(), "after a second writer was refused", req.GetAttachmentId()))
	if err := e.removeVolume(ctx, o); sdk.KindOf(err) != sdk.Busy {
		faults = append(faults, fmt.Errorf("DeleteVolume while it is exported: error %w, want Busy", err))
	}
	faults = append(faults, e.unexport(ctx, req.GetVolumeId(), req.GetAttachmentId(), false))
	if _, err := e.export(ctx, second); err != nil {
		faults = append(faults, fmt.Errorf("the second writer after the first has gone: %w", err))
	}
	return errors.Join(faults...)
}

func exportEpoch(ctx context.Context, e *Env) error {
	o, req, x, err := e.exported(ctx)
	if err != nil {
		return err
	}
	if x.GetEpoch() == 0 {
		return errors.New("the first right to write has the epoch 0")
	}
	last := x.GetEpoch()
	for range 3 {
		for range 2 {
			if err := e.unexport(ctx, req.GetVolumeId(), req.GetAttachmentId(), false); err != nil {
				return err
			}
		}
		if err := e.uses(ctx, req.GetVolumeId(), "after Unexport"); err != nil {
			return err
		}
		req = e.exportRequest(o, req.GetVolumeId(), attachmentID(), req.GetFrom())
		if x, err = e.export(ctx, req); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		v, err := e.getVolume(ctx, nil, req.GetVolumeId())
		if err != nil || x.GetEpoch() <= last || v.GetEpoch() != x.GetEpoch() {
			return fmt.Errorf("the next right to write has the epoch %d, the volume says %d, the one before it had %d, error %w", x.GetEpoch(), v.GetEpoch(), last, err)
		}
		last = x.GetEpoch()
	}
	return errors.Join(e.unexport(ctx, req.GetVolumeId(), req.GetAttachmentId(), false), e.unexport(ctx, "no-such-volume", "none", false))
}

func exportRace(ctx context.Context, e *Env) error {
	from, other, err := e.consumers()
	if err != nil {
		return err
	}
	o, v, err := e.volume(ctx)
	if err != nil {
		return err
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		faults []error
		won    []string
	)
	for i := range 2 * repeats {
		req := e.exportRequest(o, v.GetId(), attachmentID(), []*pb.Consumer{from, other}[i%2])
		wg.Go(func() {
			_, err := e.export(ctx, req)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, req.GetAttachmentId())
			case sdk.KindOf(err) != sdk.Busy:
				faults = append(faults, fmt.Errorf("export: %w", err))
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		faults = append(faults, fmt.Errorf("%d attachments may write: %v", len(won), won))
	}
	return errors.Join(append(faults, e.uses(ctx, v.GetId(), "after the race", won...))...)
}

func exportReaders(ctx context.Context, e *Env) error {
	from, other, err := e.consumers()
	if err != nil {
		return err
	}
	o, v, err := e.volume(ctx)
	if err != nil {
		return err
	}
	var readers []string
	for i := range 3 {
		req := e.exportRequest(o, v.GetId(), attachmentID(), []*pb.Consumer{from, other}[i%2])
		req.ReadOnly = true
		x, err := e.export(ctx, req)
		if i == 0 && sdk.KindOf(err) == sdk.Unsupported {
			return ErrSkip
		}
		if err != nil {
			return fmt.Errorf("reader %d: %w", i+1, err)
		}
		if !x.GetConnection().GetReadOnly() {
			return fmt.Errorf("the connection of reader %d does not say that it is for reading", i+1)
		}
		readers = append(readers, req.GetAttachmentId())
	}
	faults := []error{e.uses(ctx, v.GetId(), "with three readers", readers...)}
	writer := e.exportRequest(o, v.GetId(), attachmentID(), from)
	if _, err := e.export(ctx, writer); sdk.KindOf(err) != sdk.Busy {
		faults = append(faults, fmt.Errorf("a writer beside readers got error %w, want Busy", err))
	}
	for i, r := range readers {
		faults = append(faults, e.unexport(ctx, v.GetId(), r, false), e.uses(ctx, v.GetId(), "after a reader has gone", readers[i+1:]...))
	}
	return errors.Join(faults...)
}

func exportForce(ctx context.Context, e *Env) error {
	o, req, x, err := e.exported(ctx)
	if err != nil {
		return err
	}
	_, other, err := e.consumers()
	if err != nil {
		return err
	}
	if err := e.unexport(ctx, req.GetVolumeId(), req.GetAttachmentId(), true); err != nil {
		return err
	}
	next, err := e.export(ctx, e.exportRequest(o, req.GetVolumeId(), attachmentID(), other))
	if err != nil || next.GetEpoch() <= x.GetEpoch() {
		return fmt.Errorf("the writer after that has the epoch %d, the one before it %d, error %w", next.GetEpoch(), x.GetEpoch(), err)
	}
	return nil
}

func exportUnreachable(ctx context.Context, e *Env) error {
	o, v, err := e.volume(ctx)
	if err != nil {
		return err
	}
	req := e.exportRequest(o, v.GetId(), attachmentID(), &pb.Consumer{Host: "a-host-that-takes-nothing"})
	var faults []error
	for _, x := range v.GetExposures() {
		if x.GetKind() == pb.ConnectionKind_CONNECTION_KIND_RBD {
			return ErrSkip
		}
	}
	req.From.Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_RBD}
	req.Consumable = req.From.Kinds
	if _, err := e.export(ctx, req); sdk.KindOf(err) != sdk.Unsupported {
		faults = append(faults, fmt.Errorf("export: error %w, want Unsupported", err))
	}
	return errors.Join(append(faults, e.uses(ctx, v.GetId(), "after that"))...)
}

func exportOthersStay(ctx context.Context, e *Env) error {
	_, req, _, err := e.exported(ctx)
	if err != nil {
		return err
	}
	_, other, err := e.volume(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		e.unexport(ctx, req.GetVolumeId(), attachmentID(), true),
		e.unexport(ctx, other.GetId(), req.GetAttachmentId(), true),
		e.uses(ctx, req.GetVolumeId(), "after others were ended", req.GetAttachmentId()))
}

func killInExport(ctx context.Context, e *Env) error {
	from, _, err := e.consumers()
	if err != nil {
		return err
	}
	return e.eachKill(func(_ string, kill func(context.Context, func(context.Context)) error) error {
		o, v, err := e.volume(ctx)
		if err != nil {
			return err
		}
		req := e.exportRequest(o, v.GetId(), attachmentID(), from)
		if err := kill(ctx, func(ctx context.Context) { _, _ = e.export(ctx, req) }); err != nil {
			return err
		}
		x, err := e.export(ctx, req)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		again, err := e.export(ctx, req)
		if err != nil || !proto.Equal(x, again) {
			return fmt.Errorf("export again: another connection or epoch, error %w", err)
		}
		if err := e.uses(ctx, v.GetId(), "exported", req.GetAttachmentId()); err != nil {
			return err
		}
		if err := kill(ctx, func(ctx context.Context) { _ = e.unexport(ctx, v.GetId(), req.GetAttachmentId(), false) }); err != nil {
			return err
		}
		return errors.Join(e.unexport(ctx, v.GetId(), req.GetAttachmentId(), false), e.uses(ctx, v.GetId(), "unexported"), e.removeVolume(ctx, o))
	})
}
