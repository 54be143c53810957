// Command meson-plugin-faulty misbehaves in every way that a host must survive.
//
// How, is its first argument, else the first line of a file MESON_FAULTY beside
// the binary, for what happens at start; and the setting mode, for what happens
// in calls. Without any it behaves as the in-memory plugin does.
//
// At start: exit, garbage, garbage-only, silent, crash-line, flood, megabytes,
// grandchild, orphan (a grandchild, and no lifeline), hang-describe, ignore-drain.
// In calls, see liar.go.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// config is that of the in-memory plugin and the way to misbehave.
type config struct {
	Mode string            `json:"mode" help:"How calls misbehave."`
	Mem  sdktest.MemConfig `json:"mem" help:"Settings of the in-memory plugin underneath."`
}

func definition() sdk.Definition[config, *sdktest.MemProvider] {
	mem := sdktest.Mem()
	return sdk.Definition[config, *sdktest.MemProvider]{
		Name: "faulty", Version: "1.0.0", Summary: "Misbehaves on request, for tests.", LiveInventory: true,
		Open: func(ctx context.Context, name string, c *config, log *slog.Logger) (*sdktest.MemProvider, error) {
			return mem.Open(ctx, name, &c.Mem, log)
		},
	}
}

func main() { os.Exit(run()) }

func run() int {
	log := slog.New(sdk.NewLogHandler(os.Stderr, sdk.LogOptions{Module: "faulty", Level: slog.LevelInfo}))
	server := sdk.NewServer(definition(), log)
	mode := startMode()
	if mode == "describe" {
		text, err := sdk.DescribeJSON(server)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Printf("%s\n", text)
		return 0
	}
	if h := sdk.Handshake(); os.Getenv(h.MagicCookieKey) != h.MagicCookieValue {
		fmt.Fprintln(os.Stderr, "meson-plugin-faulty: a plugin of Meson for tests; its host starts it")
		return 2
	}
	if mode != "orphan" {
		holdLifeline()
	}
	if code, over := misbehaveAtStart(mode); over {
		return code
	}
	l := &liar{server: server}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{sdk.ProtocolVersion: {sdk.PluginSet: &rawPlugin{liar: l}}},
		Logger:           hclog.NewNullLogger(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxSendMsgSize(math.MaxInt32))...)
		},
	})
	return 0
}

func startMode() string {
	if len(os.Args) > 1 {
		return os.Args[1]
	}
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(self), "MESON_FAULTY"))
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(first)
}

// holdLifeline is what the SDK's Main does for an honest plugin.
func holdLifeline() {
	fd, err := strconv.Atoi(os.Getenv(sdk.LifelineEnv))
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "lifeline")
	go func() {
		_, _ = io.Copy(io.Discard, f)
		os.Exit(3)
	}()
}

// rawPlugin serves without the SDK's limits.
type rawPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	liar *liar
}

func (r *rawPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	r.liar.server.Register(lyingRegistrar{r.liar, s})
	return nil
}

func (r *rawPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("this is no host")
}
