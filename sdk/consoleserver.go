package sdk

import (
	"context"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk/pb"
)

// consoleChunk bounds the bytes of one message of a console.
const consoleChunk = 32 << 10

type consoleServer struct {
	pb.UnimplementedConsoleServer
	s *Server
}

var _ pb.ConsoleServer = consoleServer{}

func (c consoleServer) Open(stream grpc.BidiStreamingServer[pb.ConsoleRequest, pb.ConsoleResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	cl := call{op: "open console", provider: first.GetProvider(), faults: checkID(first.GetId(), first.GetBroker()), lasting: true}
	if len(first.GetData()) > 0 {
		cl.faults = append(cl.faults, Fault{Path: "data", Want: "nothing in the first request", Text: "the first request carries data"})
	}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Console) error {
		return p.OpenConsole(ctx, first, &consoleStream{stream: stream})
	})
}

// consoleStream is the caller's side of a console. One goroutine may read while
// another writes.
type consoleStream struct {
	stream grpc.BidiStreamingServer[pb.ConsoleRequest, pb.ConsoleResponse]
	rest   []byte
}

// Read gives what the caller typed; io.EOF when he is done.
func (c *consoleStream) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		req, err := c.stream.Recv()
		if err != nil {
			return 0, err
		}
		c.rest = req.GetData()
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write sends what the machine printed.
func (c *consoleStream) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		chunk := p[sent:min(len(p), sent+consoleChunk)]
		if err := c.stream.Send(&pb.ConsoleResponse{Data: chunk}); err != nil {
			return sent, err
		}
		sent += len(chunk)
	}
	return sent, nil
}
