package sdk

import (
	"context"
	"errors"
	"io"

	"github.com/mesoncloud/meson/sdk/pb"
)

// OpenConsole is Console.OpenConsole: what the caller types is read from
// stream, what the machine prints is written to it. It returns when the session
// has ended on either side; a Read of stream that is then still blocked is left
// behind and its bytes are lost.
func (r *Remote) OpenConsole(ctx context.Context, req *pb.ConsoleRequest, stream io.ReadWriter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	session, err := pb.NewConsoleClient(r.client.conn).Open(ctx, answerLimit())
	if err != nil {
		return readError(err)
	}
	if err := session.Send(named(req, r.name)); err != nil && !errors.Is(err, io.EOF) {
		return readError(err)
	}
	typed := make(chan error, 1)
	go func() {
		buf := make([]byte, consoleChunk)
		for {
			n, err := stream.Read(buf)
			if n > 0 {
				// Send keeps no part of the buffer after it returns.
				if session.Send(&pb.ConsoleRequest{Data: buf[:n]}) != nil {
					return
				}
			}
			if err != nil {
				_ = session.CloseSend()
				if !errors.Is(err, io.EOF) {
					typed <- err
					cancel()
				}
				return
			}
		}
	}()
	for {
		msg, err := session.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			select {
			case broken := <-typed:
				return broken
			default:
				return readError(err)
			}
		}
		if _, err := stream.Write(msg.GetData()); err != nil {
			return err
		}
	}
}
