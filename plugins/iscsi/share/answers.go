package share

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// answers asks the server to do nothing, which is a call of RFC 5531, and
// returns nil when it has; a server that is about to listen is waited for.
func (s *Server) answers(ctx context.Context, running *process) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Patience)
	defer cancel()
	for {
		err := ping(ctx, s.dialAddress())
		if err == nil {
			return nil
		}
		if !s.is(*running) {
			return errors.New("it has died")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) dialAddress() netip.AddrPort {
	if a := s.opts.Address; !a.Addr().IsUnspecified() {
		return a
	}
	return s.opts.Portal
}

func ping(ctx context.Context, address netip.AddrPort) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	const id = 0x6d65736f
	// One fragment, the last: id, CALL, RPC 2, NFS, version 4, NULL, no credentials.
	call := []uint32{1<<31 | 40, id, 0, 2, 100003, 4, 0, 0, 0, 0, 0}
	if err := binary.Write(conn, binary.BigEndian, call); err != nil {
		return err
	}
	// id, REPLY, accepted, no verifier, success.
	reply := make([]uint32, 7)
	if err := binary.Read(conn, binary.BigEndian, reply); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it hangs up")
		}
		return err
	}
	if reply[1] != id || reply[2] != 1 || reply[3] != 0 || reply[6] != 0 {
		return fmt.Errorf("what listens on %s is no NFSv4 server", address)
	}
	return nil
}
