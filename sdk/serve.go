package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// drainTimeout is what calls under way have when a resident plugin ends.
const drainTimeout = 10 * time.Second

// lockTimeout is how long a socket's former server may take to be gone.
const lockTimeout = 2 * time.Second

// ReattachEnv is the variable in which a host is told which plugins already run
// under a debugger: a JSON object of plugin names and addresses.
const ReattachEnv = "MESON_REATTACH"

// ServeUnix serves the contract on a unix socket of mode 0600 until ctx ends,
// drains, and removes the socket. A socket that nobody serves any more is
// replaced; one that is served is an error.
func ServeUnix(ctx context.Context, s *Server, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	lock := flock.New(path + ".lock")
	// A process that was killed while it forked lets go of it when its child runs.
	waiting, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	held, err := lock.TryLockContext(waiting, lockTimeout/100)
	if err != nil && waiting.Err() == nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	if !held {
		return fmt.Errorf("%s is served by another process", path)
	}
	defer func() { _ = lock.Unlock() }()
	l, err := listenPrivately(path)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(path) }()
	s.log.Info("serving", "socket", path)
	return serve(ctx, s, l)
}

// listenPrivately binds the socket in a private directory and moves it into its
// place, so that it never exists with another mode.
func listenPrivately(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s exists and is no socket", path)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".meson-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bound := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: bound, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(bound, 0o600), os.Rename(bound, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serve answers calls on l until ctx ends, then drains.
func serve(ctx context.Context, s *Server, l net.Listener) error {
	server := grpc.NewServer(ServerOptions()...)
	s.Register(server)
	h := health.NewServer()
	h.SetServingStatus("plugin", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, h)
	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(stopped)
		draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		s.Drain(draining)
		server.Stop()
	})
	err := server.Serve(l)
	if ctx.Err() != nil {
		<-stopped
		return nil
	}
	return err
}

// serveDebug serves on a socket in a directory of its own and says on stdout
// how a host attaches. The host never stops a plugin that it attached to.
func serveDebug(ctx context.Context, s *Server, stdout io.Writer) error {
	dir, err := os.MkdirTemp("", "meson-debug-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "plugin.sock")
	l, err := listenPrivately(path)
	if err != nil {
		return err
	}
	attach, err := json.Marshal(map[string]string{s.Describe().GetName(): "unix:" + path})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "%s=%s\n", ReattachEnv, attach); err != nil {
		return err
	}
	return serve(ctx, s, l)
}
