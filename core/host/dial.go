package host

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mesoncloud/meson/core"
)

// parseAddress reads unix:PATH.
func parseAddress(address string) (string, error) {
	path, ok := strings.CutPrefix(address, "unix:")
	if !ok || !filepath.IsAbs(path) || len(path) > 107 || !isID(path) {
		return "", &core.Error{
			Kind: core.Invalid, Op: "connect to plugin",
			Faults: []core.Fault{{
				Path: "connect", Have: cut(address, 120), Want: "unix: and the absolute path of a socket, at most 107 bytes",
				Text: "not an address of a plugin",
			}},
		}
	}
	return path, nil
}

// parseReattach reads {"kvm":"unix:/tmp/kvm.sock"}.
func parseReattach(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	var addresses map[string]string
	if err := json.Unmarshal([]byte(text), &addresses); err != nil {
		return nil, &core.Error{
			Kind: core.Invalid, Op: "read MESON_REATTACH", Text: "not a JSON object of plugin names and addresses",
			Hint: `such as {"kvm":"unix:/tmp/kvm.sock"}`, Err: err,
		}
	}
	return addresses, nil
}

// dial returns a session with a plugin that runs already. Ending the session
// leaves the plugin alone.
func (p *Plugin) dial(ctx context.Context) (*session, error) {
	path, err := parseAddress(p.address)
	if err != nil {
		return nil, err
	}
	var dialled atomic.Bool
	once := func(ctx context.Context, _ string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, fmt.Errorf("the connection was lost")
		}
		return dialTrusted(ctx, path)
	}
	options := append(dialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(once))
	conn, err := grpc.NewClient("passthrough:///"+p.name, options...)
	if err != nil {
		return nil, p.unavailable("connect to plugin", err.Error())
	}
	s := newSession(p.log)
	s.conn = conn
	s.end = func() error {
		done := make(chan struct{})
		go func() { _ = conn.Close(); close(done) }()
		select {
		case <-done:
		case <-time.After(killWait / 2):
		}
		return nil
	}
	if err := s.describe(ctx, p.name); err != nil {
		s.stop()
		return nil, p.unavailable("connect to plugin", fmt.Sprintf("%s: %v", path, err))
	}
	return s, nil
}

// dialTrusted dials a socket, and speaks only to root or to the user who runs
// Meson: what follows holds credentials.
func dialTrusted(ctx context.Context, path string) (net.Conn, error) {
	conn, err := dialUnix(ctx, path)
	if err != nil {
		return nil, err
	}
	peer, err := peerOf(conn)
	if err == nil && !trustedUID(peer.Uid) {
		err = fmt.Errorf("user %d listens there: want root or the user who runs Meson", peer.Uid)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// peerOf is the process that listens at the other end, as the kernel knows it.
func peerOf(conn net.Conn) (*unix.Ucred, error) {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("%T is no unix socket", conn)
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	var peerErr error
	if err := raw.Control(func(fd uintptr) { peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return nil, err
	}
	return peer, peerErr
}
