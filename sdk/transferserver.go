package sdk

import (
	"context"
	"io"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk/pb"
)

// transferChunk bounds the bytes of one message of a transfer, both ways.
const transferChunk = 256 << 10

// maxTransferChunk is the most that is taken from the other side.
const maxTransferChunk = 1 << 20

type transferServer struct {
	pb.UnimplementedTransferServer
	s *Server
}

var _ pb.TransferServer = transferServer{}

func (c transferServer) ImportVolume(stream grpc.ClientStreamingServer[pb.ImportVolumeRequest, pb.Volume]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	h := first.GetHeader()
	cl := call{op: "import volume", provider: h.GetProvider(), faults: checkImport(h), effect: true, key: h.GetOwner().GetKey()}
	if len(first.GetData()) > 0 {
		cl.faults = append(cl.faults, Fault{Path: "data", Want: "nothing in the first request", Text: "the first request carries data"})
	}
	var out *pb.Volume
	err = with(stream.Context(), c.s, cl, func(ctx context.Context, p Transfer) (err error) {
		out, err = p.ImportVolume(ctx, h, &transferReader{stream: stream})
		return answered(out, err, cl)
	})
	if err != nil {
		return err
	}
	return stream.SendAndClose(out)
}

func (c transferServer) ExportVolume(req *pb.ExportVolumeRequest, stream grpc.ServerStreamingServer[pb.ExportVolumeResponse]) error {
	cl := call{op: "export volume's data", provider: req.GetProvider(), faults: append(checkIDLength(req.GetId()), checkFormat("format", req.GetFormat())...)}
	if req.GetId() == "" {
		cl.faults = append(cl.faults, missing("id", "the volume's id"))
	}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Transfer) error {
		begin := func(total uint64) error { return stream.Send(&pb.ExportVolumeResponse{TotalBytes: total}) }
		return p.ExportVolume(ctx, req, begin, transferWriter{send: stream.Send})
	})
}

func checkImport(h *pb.ImportVolumeHeader) []Fault {
	faults := append(OwnerFaults("header.owner", h.GetOwner()), checkMachineName(h.GetName())...)
	return append(faults, checkFormat("header.format", h.GetFormat())...)
}

func checkFormat(path, format string) []Fault {
	if format == "raw" || format == "qcow2" {
		return nil
	}
	return []Fault{{Path: path, Have: quote(format), Want: "raw or qcow2", Text: quote(format) + " is neither raw nor qcow2"}}
}

// transferReader is what a caller sends, as a reader.
type transferReader struct {
	stream grpc.ClientStreamingServer[pb.ImportVolumeRequest, pb.Volume]
	rest   []byte
}

// Read gives what was sent; io.EOF at its end.
func (r *transferReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		req, err := r.stream.Recv()
		if err != nil {
			return 0, err
		}
		if len(req.GetData()) > maxTransferChunk || req.GetHeader() != nil {
			return 0, InvalidFaults("import volume", []Fault{{Path: "data", Want: "at most 1 MiB and no second header", Text: "a message is too long, or has a header"}})
		}
		r.rest = req.GetData()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// transferWriter cuts what is written into messages.
type transferWriter struct {
	send func(*pb.ExportVolumeResponse) error
}

// Write sends p; nothing of it is kept after it returns.
func (w transferWriter) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		chunk := p[sent:min(len(p), sent+transferChunk)]
		if err := w.send(&pb.ExportVolumeResponse{Data: chunk}); err != nil {
			return sent, err
		}
		sent += len(chunk)
	}
	return sent, nil
}

var _ io.Writer = transferWriter{}
