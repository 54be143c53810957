package sdktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// otherFormat is the one that a volume does not have.
func otherFormat(format string) string {
	if format == "raw" {
		return "qcow2"
	}
	return "raw"
}

// converted repeats a ConvertVolume until the volume has the format.
func (e *Env) converted(ctx context.Context, c sdk.Converter, req *pb.ConvertVolumeRequest) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	return patiently(ctx, func() error {
		v, err := e.convert(ctx, c, req)
		switch {
		case err != nil:
			return fmt.Errorf("convert to %s: %w", req.GetFormat(), err)
		case v.GetId() != req.GetId():
			return fmt.Errorf("convert to %s: volume %q, asked for was %q", req.GetFormat(), v.GetId(), req.GetId())
		case v.GetFormat() == req.GetFormat():
			return nil
		case v.GetProgress().GetStep() == "":
			return fmt.Errorf("convert to %s: the volume is %q, and has no progress", req.GetFormat(), v.GetFormat())
		}
		return sdk.Errorf(sdk.Busy, "it is still being converted to %s", req.GetFormat())
	})
}

func (e *Env) convert(ctx context.Context, c sdk.Converter, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	return c.ConvertVolume(ctx, req)
}

func volumeConverts(ctx context.Context, e *Env) error {
	c, err := ability[sdk.Converter](e)
	if err != nil {
		return err
	}
	o, v, data, err := e.filled(ctx)
	if err != nil {
		return err
	}
	req := &pb.ConvertVolumeRequest{Provider: providerName, Owner: &pb.Owner{Broker: o.GetBroker()}, Id: v.GetId()}
	to := func(format string) error {
		req.Format = format
		for range 2 {
			if err := e.converted(ctx, c, req); err != nil {
				return err
			}
		}
		now, err := e.getVolume(ctx, o, "")
		if err != nil || now.GetFormat() != format || now.GetId() != v.GetId() || now.GetSpec().GetSizeBytes() != v.GetSpec().GetSizeBytes() {
			return fmt.Errorf("after it: %q is %q of %d bytes, error %w; want %q, %s, %d",
				now.GetId(), now.GetFormat(), now.GetSpec().GetSizeBytes(), err, v.GetId(), format, v.GetSpec().GetSizeBytes())
		}
		if err := e.holdsBytes(ctx, v.GetId(), "", data, 0); err != nil {
			return fmt.Errorf("as %s: %w", format, err)
		}
		return nil
	}
	there, back := otherFormat(v.GetFormat()), otherFormat(otherFormat(v.GetFormat()))
	faults := []error{to(there), to(back)}
	if s, ok := e.provider.(sdk.Snapshotter); ok && e.Has(pb.Snapshotter_ServiceDesc.ServiceName) {
		faults = append(faults, e.convertsBeside(ctx, s, o, v, data, to))
	}
	return errors.Join(faults...)
}

// convertsBeside says what is wrong if a volume with a snapshot is converted and the
// snapshot holds something else then. A provider that cannot keep it says so.
func (e *Env) convertsBeside(ctx context.Context, s sdk.Snapshotter, o *pb.Owner, v *pb.Volume, data []byte, to func(string) error) error {
	patient, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	one, err := snapshotAvailable(patient, s, snapshotRequest(o, v.GetId()))
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	now, err := e.getVolume(ctx, o, "")
	if err != nil {
		return err
	}
	err = to(otherFormat(now.GetFormat()))
	if sdk.KindOf(err) == sdk.Busy && strings.Contains(err.Error(), one.GetId()) {
		err = nil
	}
	return errors.Join(err, e.holdsBytes(ctx, v.GetId(), one.GetId(), data, 0),
		s.DeleteSnapshot(ctx, &pb.DeleteSnapshotRequest{Provider: providerName, VolumeId: v.GetId(), Id: one.GetId()}),
		e.holdsBytes(ctx, v.GetId(), "", data, 0))
}

func volumeNotConverted(ctx context.Context, e *Env) error {
	from, _, err := e.consumers()
	if err != nil || !e.Has(pb.Exporter_ServiceDesc.ServiceName) {
		return ErrSkip
	}
	c, err := ability[sdk.Converter](e)
	if err != nil {
		return err
	}
	o, v, data, err := e.filled(ctx)
	if err != nil {
		return err
	}
	x := e.exportRequest(o, v.GetId(), attachmentID(), from)
	if _, err := e.export(ctx, x); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	req := &pb.ConvertVolumeRequest{
		Provider: providerName, Owner: &pb.Owner{Broker: o.GetBroker()}, Id: v.GetId(), Format: otherFormat(v.GetFormat()),
	}
	var faults []error
	if _, err := e.convert(ctx, c, req); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), x.GetAttachmentId()) {
		faults = append(faults, fmt.Errorf("convert in use: error %w, want Busy and that %s has it", err, x.GetAttachmentId()))
	}
	now, err := e.getVolume(ctx, o, "")
	if err != nil || now.GetFormat() != v.GetFormat() {
		faults = append(faults, fmt.Errorf("after it: %q, error %w; want %q", now.GetFormat(), err, v.GetFormat()))
	}
	faults = append(faults, e.unexport(ctx, v.GetId(), x.GetAttachmentId(), false))
	// Begun, and somebody else comes: it is converted, or that one has it as it was.
	_, err = e.convert(ctx, c, req)
	if err != nil {
		faults = append(faults, fmt.Errorf("convert: %w", err))
	}
	x = e.exportRequest(o, v.GetId(), attachmentID(), from)
	patient, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	err = patiently(patient, func() error {
		_, err := e.export(patient, x)
		return err
	})
	if err != nil {
		return errors.Join(append(faults, fmt.Errorf("export while it is converted: %w", err))...)
	}
	for until := time.Now().Add(time.Second); time.Now().Before(until); {
		now, err := e.getVolume(ctx, o, "")
		if err != nil || len(now.GetUses()) != 1 {
			faults = append(faults, fmt.Errorf("while somebody has it: %v, error %w", now.GetUses(), err))
			break
		}
		if !pause(ctx, 100*time.Millisecond) {
			break
		}
	}
	faults = append(faults, e.unexport(ctx, v.GetId(), x.GetAttachmentId(), false), e.holdsBytes(ctx, v.GetId(), "", data, 0))
	return errors.Join(faults...)
}
