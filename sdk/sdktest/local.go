package sdktest

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/mesoncloud/meson/sdk"
)

// Serve serves s within the process until the test ends, and gives a client of
// it: the whole way over gRPC without a process.
func Serve(tb testing.TB, s *sdk.Server) *sdk.Client {
	tb.Helper()
	l := bufconn.Listen(1 << 20)
	server := grpc.NewServer(sdk.ServerOptions()...)
	s.Register(server)
	go func() { _ = server.Serve(l) }()
	tb.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return sdk.NewClient(conn)
}

// Dial gives a client of a plugin that serves on a unix socket, until the test
// ends.
func Dial(tb testing.TB, socket string) *sdk.Client {
	tb.Helper()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return sdk.NewClient(conn)
}
