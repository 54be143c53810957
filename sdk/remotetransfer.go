package sdk

import (
	"context"
	"errors"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

// ImportVolume is Transfer.ImportVolume: it sends data to its end. An error of
// data ends the import and is returned.
func (r *Remote) ImportVolume(ctx context.Context, header *pb.ImportVolumeHeader, data io.Reader) (*pb.Volume, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := pb.NewTransferClient(r.client.conn).ImportVolume(ctx, answerLimit())
	if err != nil {
		return nil, readError(err)
	}
	header = proto.CloneOf(header)
	header.Provider = r.name
	if err := stream.Send(&pb.ImportVolumeRequest{Header: header}); err != nil && !errors.Is(err, io.EOF) {
		return nil, readError(err)
	}
	buf := make([]byte, transferChunk)
	for {
		n, err := data.Read(buf)
		// A Send that fails with EOF means that the answer is there already.
		if n > 0 && stream.Send(&pb.ImportVolumeRequest{Data: buf[:n]}) != nil {
			break
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	v, err := stream.CloseAndRecv()
	if err != nil {
		return nil, callError(err, true)
	}
	cleanMessage(v)
	return v, nil
}

// ExportVolume is Transfer.ExportVolume.
func (r *Remote) ExportVolume(ctx context.Context, req *pb.ExportVolumeRequest, begin func(total uint64) error, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := pb.NewTransferClient(r.client.conn).ExportVolume(ctx, named(req, r.name), answerLimit())
	if err != nil {
		return readError(err)
	}
	for first := true; ; first = false {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		if first {
			if err := begin(msg.GetTotalBytes()); err != nil {
				return err
			}
		}
		if _, err := w.Write(msg.GetData()); err != nil {
			return err
		}
	}
}
