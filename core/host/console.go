package host

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const consoleService = "meson.plugin.v1.Console"

// chunk is how much of the caller's input is sent at once.
const chunk = 32 << 10

// Console connects rw to the machine's serial console until the console is
// closed (nil), the end of rw's input (nil, once the plugin has closed), or the
// end of ctx. It has no deadline of its own. Bytes pass as they are: whoever
// shows them to a terminal shows what a guest says.
//
// A Read of rw that is under way when Console returns is left to its end: the
// caller closes rw, or loses what that Read gets.
func (p *Provider) Console(ctx context.Context, ref core.InstanceRef, broker string, force bool, rw io.ReadWriter) error {
	if ref.ID == "" {
		return &core.Error{Kind: core.Invalid, Op: "open console", Subject: "provider " + p.config.Name, Text: "want the id of a machine"}
	}
	var own error
	err := p.read(ctx, "open console", consoleService, 0, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewConsoleClient(s.conn).Open(ctx, grpc.MaxCallRecvMsgSize(maxConsoleBytes))
		if err != nil {
			return err
		}
		first := &pb.ConsoleRequest{Provider: p.config.Name, Id: ref.ID, Force: force, Broker: broker, Zone: ref.Zone}
		if err := stream.Send(first); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		go send(stream, rw)
		for {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if _, own = rw.Write(answer.GetData()); own != nil {
				return nil
			}
		}
	})
	if own != nil {
		return own
	}
	return err
}

// send sends what r reads until its end, or that of the stream.
func send(stream grpc.BidiStreamingClient[pb.ConsoleRequest, pb.ConsoleResponse], r io.Reader) {
	buffer := make([]byte, chunk)
	for {
		n, err := r.Read(buffer)
		if n > 0 && stream.Send(&pb.ConsoleRequest{Data: buffer[:n]}) != nil {
			return
		}
		if err != nil {
			_ = stream.CloseSend()
			return
		}
	}
}
