package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// exitOrphaned is the exit code of a plugin whose host is gone.
const exitOrphaned = 3

// GRPCPlugin is the one entry of the go-plugin plugin map: on the plugin's side
// it registers the services of Serves, on the host's side it dispenses a *Client.
type GRPCPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Serves is nil on the host's side.
	Serves *Server
}

var _ plugin.GRPCPlugin = (*GRPCPlugin)(nil)

// GRPCServer registers the plugin's services.
func (g *GRPCPlugin) GRPCServer(_ *plugin.GRPCBroker, r *grpc.Server) error {
	if g.Serves == nil {
		return errors.New("no server to register")
	}
	g.Serves.Register(r)
	return nil
}

// GRPCClient gives a *Client.
func (g *GRPCPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// VersionedPlugins is the go-plugin version set of host and plugin; the host
// passes nil.
func VersionedPlugins(s *Server) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {PluginSet: &GRPCPlugin{Serves: s}}}
}

// serveHosted serves the host that started this process until it stops it.
func serveHosted(s *Server, stdout *os.File) int {
	// Ctrl-C in a terminal reaches the whole process group; when the plugin
	// ends is for its host to say.
	signal.Ignore(os.Interrupt)
	if err := holdLifeline(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n", err)
		return 1
	}
	stderr := os.Stderr
	os.Stdout = stdout
	var once sync.Once
	// go-plugin has by now put pipes in the place of both, which block when
	// nobody reads them. What is printed is meant for the log.
	reclaim := func() { once.Do(func() { os.Stdout, os.Stderr = stderr, stderr }) }
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: VersionedPlugins(s),
		Logger:           hclog.NewNullLogger(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			opts = append(opts, ServerOptions()...)
			opts = append(opts,
				grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
					reclaim()
					return next(ctx, req)
				}),
				grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
					reclaim()
					return next(srv, stream)
				}))
			return grpc.NewServer(opts...)
		},
	})
	return 0
}

// holdLifeline ends the process, and its children in the group that its host made
// for it, as soon as the host is gone: the host holds the
// other end of the pipe. A plugin is stateless, so there is nothing to save, and
// whoever waited for an answer is gone too.
func holdLifeline() error {
	v := os.Getenv(LifelineEnv)
	if v == "" {
		return nil
	}
	fd, err := strconv.ParseUint(v, 10, 16)
	if err != nil || fd <= 2 {
		return fmt.Errorf("%s=%s: want the number of a file descriptor above 2", LifelineEnv, quote(v))
	}
	f := os.NewFile(uintptr(fd), "lifeline")
	if f == nil {
		return fmt.Errorf("%s=%d: no such file descriptor", LifelineEnv, fd)
	}
	if _, err := f.Stat(); err != nil {
		return fmt.Errorf("%s=%d: %w", LifelineEnv, fd, err)
	}
	if err := os.Unsetenv(LifelineEnv); err != nil {
		return err
	}
	closeOnExec(f)
	go func() {
		_, _ = io.Copy(io.Discard, f)
		endGroup()
	}()
	return nil
}
