package sdktest

import (
	"context"
	"errors"
	"fmt"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func growCases() []Case {
	resizer := pb.AttachmentResizer_ServiceDesc.ServiceName
	return []Case{
		{"attachment/grow", LevelLife, "The file that a machine has open itself grows under it; the same again is no change, and it never shrinks.", resizer, attachmentGrows},
		{"attachment/missing", LevelLife, "ResizeAttachment of a machine, or of an attachment, that is not there is NotFound; so is that of another broker's machine.", resizer, attachmentMissing},
	}
}

// growing is a machine with a file.
type growing struct {
	sdk.AttachmentResizer
	e       *Env
	broker  string
	machine string
}

// resize has a machine grow a file, and says what is wrong with the answer.
func (g growing) resize(ctx context.Context, attachment string, to uint64) error {
	ctx, cancel := context.WithTimeout(ctx, g.e.Target.Call)
	defer cancel()
	i, err := g.ResizeAttachment(ctx, &pb.ResizeAttachmentRequest{
		Provider: providerName, Id: g.machine, Broker: g.broker, AttachmentId: attachment, SizeBytes: to,
	})
	if err == nil && i.GetId() != g.machine {
		return fmt.Errorf("to %d: machine %q, %s was asked for", to, i.GetId(), g.machine)
	}
	return err
}

// onMachine makes a machine.
func onMachine(ctx context.Context, e *Env) (growing, *pb.Instance, error) {
	r, err := ability[sdk.AttachmentResizer](e)
	if err != nil {
		return growing{}, nil, err
	}
	o, i, err := e.running(ctx)
	return growing{r, e, o.GetBroker(), i.GetId()}, i, err
}

func attachmentGrows(ctx context.Context, e *Env) error {
	if e.Target.File == nil || !e.Has(pb.Attacher_ServiceDesc.ServiceName) {
		return ErrSkip
	}
	g, machine, err := onMachine(ctx, e)
	if err != nil {
		return err
	}
	const size = 4 << 20
	file, sizeOf, err := e.Target.File(ctx, machine, size)
	if err != nil {
		return fmt.Errorf("the target's file: %w", err)
	}
	a, err := ability[sdk.Attacher](e)
	if err != nil {
		return err
	}
	id := attachmentID()
	_, err = a.Attach(ctx, &pb.AttachRequest{Provider: providerName, Id: g.machine, Broker: g.broker, Attachment: &pb.Attachment{
		Id: id, VolumeId: "conformance", Name: "conformance", Connection: &pb.Connection{Path: &pb.Connection_File{File: file}},
	}})
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	var faults []error
	for _, step := range []struct{ to, want uint64 }{{size, size}, {2 * size, 2 * size}, {2 * size, 2 * size}, {size, 2 * size}} {
		if err := g.resize(ctx, id, step.to); err != nil {
			faults = append(faults, fmt.Errorf("to %d: %w", step.to, err))
		}
		if have, err := sizeOf(); err != nil || have != step.want {
			faults = append(faults, fmt.Errorf("after it was to have %d: %d bytes, want %d, error %w", step.to, have, step.want, err))
		}
	}
	return errors.Join(faults...)
}

func attachmentMissing(ctx context.Context, e *Env) error {
	g, _, err := onMachine(ctx, e)
	if err != nil {
		return err
	}
	var faults []error
	no := func(what string, g growing) {
		if err := g.resize(ctx, "no-such", 1<<20); sdk.KindOf(err) != sdk.NotFound {
			faults = append(faults, fmt.Errorf("%s: error %w, want NotFound", what, err))
		}
	}
	no("of an attachment that is not there", g)
	stranger := g
	stranger.broker = "b-other"
	no("by another broker", stranger)
	g.machine = "no-such-machine"
	no("of a machine that is not there", g)
	return errors.Join(faults...)
}
