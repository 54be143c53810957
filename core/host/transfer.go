package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	transferService = "meson.plugin.v1.Transfer"
	// transferChunk is how much of a volume is sent at once; maxTransferBytes is
	// the most that one message may have.
	transferChunk    = 256 << 10
	maxTransferBytes = 1<<20 + 4<<10
)

// ImportVolume makes a volume of what data gives, to its end, and returns when
// the plugin has it all. Cut off before that, nothing is left: an error of data
// is returned as it is, the end of ctx is Interrupted. It lasts as long as bytes
// move; a plugin that takes none for Options.EffectTimeout is given up.
//
// A Read of data that is under way when ImportVolume returns is left to its end.
func (p *Provider) ImportVolume(ctx context.Context, req core.VolumeImport, data io.Reader) (core.Volume, error) {
	var made core.Volume
	var own error
	err := p.call(ctx, "import volume", transferService, true, 0, func(ctx context.Context, s *session) error {
		ctx, pulse, stop := stallable(ctx, p.host.opts.EffectTimeout)
		defer stop()
		stream, err := pb.NewTransferClient(s.conn).ImportVolume(ctx, grpc.MaxCallRecvMsgSize(maxTransferBytes))
		if err != nil {
			return err
		}
		sent := make(chan error, 1)
		go func() { sent <- sendVolume(stream, p.importHeader(req), data, pulse) }()
		select {
		case own = <-sent:
		case <-ctx.Done():
			return cutOff(ctx, p.plugin.name)
		}
		switch {
		case own != nil:
			return nil // ctx is ended before the plugin could see the end of data
		case ctx.Err() != nil:
			return cutOff(ctx, p.plugin.name)
		}
		answer, err := stream.CloseAndRecv()
		if err != nil && errors.Is(context.Cause(ctx), errStalled) {
			return &core.Error{Kind: core.Uncertain, Source: core.SourcePlugin, Text: fmt.Sprintf("plugin %s had it all and did not answer: %v", p.plugin.name, context.Cause(ctx))}
		}
		if err != nil {
			return err
		}
		made, err = p.volume(answer, asked{owner: req.Owner})
		return err
	})
	if own != nil {
		return core.Volume{}, own
	}
	if err != nil {
		return core.Volume{}, err
	}
	return made, nil
}

func (p *Provider) importHeader(req core.VolumeImport) *pb.ImportVolumeHeader {
	return &pb.ImportVolumeHeader{
		Provider: p.config.Name, Owner: ownerToPB(req.Owner), Name: req.Name, Spec: volumeSpecToPB(req.Spec), Offer: volumeOfferToPB(req.Offer),
		Format: req.Format, Sha256: req.SHA256,
	}
}

// sendVolume sends the header and what data gives. It returns data's own error,
// and nil where the plugin takes no more: its answer says why.
func sendVolume(stream grpc.ClientStreamingClient[pb.ImportVolumeRequest, pb.Volume], header *pb.ImportVolumeHeader, data io.Reader, pulse func()) error {
	if stream.Send(&pb.ImportVolumeRequest{Header: header}) != nil {
		return nil
	}
	buffer := make([]byte, transferChunk)
	for {
		n, err := data.Read(buffer)
		pulse()
		if n > 0 && stream.Send(&pb.ImportVolumeRequest{Data: buffer[:n]}) != nil {
			return nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// ExportVolume writes a volume to w. begin is called once, before the first byte,
// with the length of the whole, 0 where it is not known; its error and that of w
// end the call and are returned as they are. What is more than the plugin said, or
// than was wanted, is not written, and what is less is an error too. It lasts as
// long as bytes move.
func (p *Provider) ExportVolume(ctx context.Context, req core.VolumeExport, begin func(total int64) error, w io.Writer) error {
	var own error
	err := p.call(ctx, "export volume's data", transferService, false, 0, func(ctx context.Context, s *session) error {
		ctx, pulse, stop := stallable(ctx, p.host.opts.EffectTimeout)
		defer stop()
		stream, err := pb.NewTransferClient(s.conn).ExportVolume(ctx, &pb.ExportVolumeRequest{
			Provider: p.config.Name, Id: req.VolumeID, SnapshotId: req.Snapshot, Format: req.Format,
		}, grpc.MaxCallRecvMsgSize(maxTransferBytes))
		if err != nil {
			return err
		}
		var total, had int64
		for first := true; ; first = false {
			answer, err := stream.Recv()
			switch {
			case errors.Is(err, io.EOF) && first:
				return against("the data", "", "there is none, not even its length")
			case errors.Is(err, io.EOF) && total > 0 && had != total:
				return against("the data", "", "it ended after %d of %d bytes", had, total)
			case errors.Is(err, io.EOF):
				return nil
			case err != nil && errors.Is(context.Cause(ctx), errStalled):
				return cutOff(ctx, p.plugin.name)
			case err != nil:
				return err
			}
			pulse()
			if first {
				if answer.GetTotalBytes() > maxVolumeBytes || req.MaxBytes > 0 && answer.GetTotalBytes() > uint64(req.MaxBytes) {
					return against("the data", "total_bytes", "%d: at most %d were expected", answer.GetTotalBytes(), req.MaxBytes)
				}
				total = int64(answer.GetTotalBytes())
				if own = begin(total); own != nil {
					return nil
				}
			}
			had += int64(len(answer.GetData()))
			if total > 0 && had > total || req.MaxBytes > 0 && had > req.MaxBytes {
				return against("the data", "", "it goes on after %d bytes", max(total, req.MaxBytes))
			}
			if _, own = w.Write(answer.GetData()); own != nil {
				return nil
			}
		}
	})
	if own != nil {
		return own
	}
	return err
}

var errStalled = errors.New("no byte moved")

// stallable is a context that ends with errStalled when pulse has not been called
// for a time.
func stallable(ctx context.Context, patience time.Duration) (_ context.Context, pulse, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(patience, func() {
		cancel(fmt.Errorf("%w for %s", errStalled, patience))
	})
	return ctx, func() { timer.Reset(patience) }, func() {
		timer.Stop()
		cancel(nil)
	}
}

// cutOff is the error of a transfer that ended before all was there.
func cutOff(ctx context.Context, plugin string) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		return &core.Error{Kind: core.Unavailable, Source: core.SourcePlugin, Text: fmt.Sprintf("plugin %s was given up: %v", plugin, cause)}
	}
	return &core.Error{Kind: core.Interrupted, Text: "interrupted before all was there; nothing is kept of it"}
}
