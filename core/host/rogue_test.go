package host

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// helpers are the plugins of these tests by name.
func helpers() map[string]func() {
	return map[string]func(){
		"rogue":  func() { lifeline(); serveRogue("rogue", sdk.ServerOptions()) },
		"second": func() { lifeline(); serveRogue("second", sdk.ServerOptions()) },
		"third":  func() { lifeline(); serveRogue("third", sdk.ServerOptions()) },
		// orphan does not look at its lifeline.
		"orphan": func() { serveRogue("orphan", sdk.ServerOptions()) },
		// plain accepts what gRPC accepts by default.
		"plain":    func() { lifeline(); serveRogue("plain", nil) },
		"impostor": func() { lifeline(); serveRogue("kvm", sdk.ServerOptions()) },
		"slow":     func() { lifeline(); time.Sleep(time.Second); serveRogue("slow", sdk.ServerOptions()) },
		"silent":   func() { lifeline(); time.Sleep(time.Hour) },
		"garbage":  func() { fmt.Println("\x1b[31mLoading configuration…"); time.Sleep(time.Hour) },
		"endless": func() {
			for {
				if _, err := os.Stdout.WriteString(strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		},
		"panics": func() { fmt.Fprintln(os.Stderr, "panic: no rack today"); os.Exit(7) },
		"elsewhere": func() {
			fmt.Println("1|1|tcp|127.0.0.1:25|grpc|" + strings.Repeat("A", 600))
			time.Sleep(time.Hour)
		},
		"armoured": func() {
			fmt.Printf("1|1|unix|%s/socket|grpc|%s\n", os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), strings.Repeat("A", 600))
			time.Sleep(time.Hour)
		},
		// stranger lets a process of another group listen.
		"stranger": func() {
			child := exec.Command("/proc/self/exe")
			child.Args[0] = "meson-plugin-listener"
			child.Stdout = os.Stdout
			child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
			runtime.LockOSThread() // whose end the child's is, too
			_ = child.Run()
		},
		"listener": func() {
			path := os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/socket"
			if _, err := net.Listen("unix", path); err == nil {
				fmt.Printf("1|1|unix|%s|grpc|\n", path)
			}
			time.Sleep(time.Hour)
		},
		"noisy": func() {
			lifeline()
			fmt.Fprintln(os.Stderr, `{"@level":"info","@message":1,"@timestamp":{},"n":[1,2]}`)
			fmt.Fprintln(os.Stderr, `{"@level":["x"],"@message":{"a":null},"plugin":"someone else","level":"ERROR"}`)
			fmt.Fprintln(os.Stderr, `{"@level":"warn","@message":"low \u001b[2Jdisk","free":"3 GiB"}`)
			fmt.Fprintln(os.Stderr, strings.Repeat("long ", 1<<18))
			serveRogue("noisy", sdk.ServerOptions())
		},
	}
}

// lifeline ends the process with its host, as the SDK does.
func lifeline() {
	if os.Getenv(sdk.LifelineEnv) == "" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(sdk.LifelineFD, "lifeline"))
		os.Exit(3)
	}()
}

// rogue serves the contract without the SDK's help, and behaves as the name of
// the provider says that it is asked for.
type rogue struct {
	pb.UnimplementedPluginServer
	pb.UnimplementedComputeServer
	pb.UnimplementedPowerServer
	pb.UnimplementedConsoleServer
	rogueStorage
	goplugin.NetRPCUnsupportedPlugin
	name string
	// direct is standard error before go-plugin replaced it.
	direct *os.File

	mu         sync.Mutex
	configured map[string][]*pb.ConfigureRequest
}

func serveRogue(name string, options []grpc.ServerOption) {
	r := &rogue{name: name, direct: os.Stderr, configured: make(map[string][]*pb.ConfigureRequest)}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: map[int]goplugin.PluginSet{sdk.ProtocolVersion: {sdk.PluginSet: r}},
		Logger:           hclog.NewNullLogger(),
		GRPCServer:       func(more []grpc.ServerOption) *grpc.Server { return grpc.NewServer(append(options, more...)...) },
	})
}

func (r *rogue) register(s grpc.ServiceRegistrar) {
	pb.RegisterPluginServer(s, r)
	pb.RegisterComputeServer(s, r)
	pb.RegisterPowerServer(s, r)
	pb.RegisterConsoleServer(s, r)
	r.rogueStorage.register(s)
}

// GRPCServer registers the services.
func (r *rogue) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	r.register(s)
	return nil
}

// GRPCClient is not used on this side.
func (r *rogue) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, io.EOF
}

// rogueServices are what each of the rogues but "second" says that it serves;
// that one says nothing of volumes.
func rogueServices(name string) []string {
	services := []string{computeService, powerService, consoleService}
	if name == "second" {
		return services
	}
	return append(services, storageService, exporterService, attacherService, resizerService, lockerService, renamerService,
		converterService, snapshotterService, imagesService, transferService)
}

// Describe has the services.
func (r *rogue) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	return &pb.DescribeResponse{
		Name: r.name, Version: "1.2.3", Summary: "behaves \x1b[1mbadly", ConsistencyWindowMs: 1500, LiveInventory: true,
		Services: rogueServices(r.name), ConfigSchema: `{"type":"object"}`,
	}, nil
}

// Configure remembers; the providers "misconfigured" and "unconfigurable" are
// told no.
func (r *rogue) Configure(_ context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.GetProvider() == "misconfigured" {
		return nil, sdk.ToStatus(&sdk.Error{Kind: sdk.Invalid, Op: "configure", Faults: []sdk.Fault{{Path: "hosts", Want: "at least one"}}}).Err()
	}
	if req.GetProvider() == "unconfigurable" {
		return nil, sdk.ToStatus(&sdk.Error{Kind: sdk.NotFound, Op: "configure", Text: "no such host"}).Err()
	}
	r.configured[req.GetProvider()] = append(r.configured[req.GetProvider()], req)
	return &pb.ConfigureResponse{Warnings: []string{"the price is \x07zero"}}, nil
}

// Check answers questions about the plugin.
func (r *rogue) Check(_ context.Context, req *pb.CheckRequest) (*pb.CheckResponse, error) {
	text := ""
	switch req.GetProvider() {
	case "pid":
		text = strconv.Itoa(os.Getpid())
	case "env":
		env := os.Environ()
		slices.Sort(env)
		text = strings.Join(env, " ")
	case "files":
		// A byte written to an open descriptor would reach somebody.
		fds, _ := os.ReadDir("/proc/self/fd")
		var targets []string
		for _, fd := range fds {
			target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
			targets = append(targets, fd.Name()+"="+target)
		}
		text = strings.Join(targets, " ")
	case "argv":
		text = strings.Join(os.Args, " ")
	case "configured":
		r.mu.Lock()
		defer r.mu.Unlock()
		var out []string
		for _, name := range slices.Sorted(maps.Keys(r.configured)) {
			for _, c := range r.configured[name] {
				out = append(out, fmt.Sprintf("%s %s %q", name, c.GetConfigJson(), c.GetSecrets()))
			}
		}
		text = strings.Join(out, ";")
	case "grandchild":
		sleep := exec.Command("sleep", "1000")
		sleep.Stdout, sleep.Stderr = r.direct, r.direct
		if err := sleep.Start(); err != nil {
			return nil, err
		}
		text = strconv.Itoa(sleep.Process.Pid)
	case "logflood":
		go func() {
			line := strings.Repeat("flood ", 20) + "\n"
			for range 500_000 {
				_, _ = r.direct.WriteString(line)
			}
		}()
	case "logmore":
		_, _ = r.direct.WriteString("one more line\n")
	case "stdout":
		fmt.Println("printed by mistake")
		fmt.Fprintln(os.Stderr, "printed on purpose")
	case "many":
		return &pb.CheckResponse{Items: make([]*pb.CheckItem, 2*maxItems)}, nil
	}
	return &pb.CheckResponse{Items: []*pb.CheckItem{{Subject: "rogue", Verdict: pb.CheckItem_VERDICT_OK, Text: text}}}, nil
}

// Discover finds one provider and one that is none.
func (r *rogue) Discover(context.Context, *pb.DiscoverRequest) (*pb.DiscoverResponse, error) {
	return &pb.DiscoverResponse{Found: []*pb.Discovery{
		{SuggestedName: "here", ConfigJson: `{"uri":"qemu:///system"}`, Text: "libvirt"},
		{SuggestedName: "there", ConfigJson: `[1]`},
	}}, nil
}

// PriceList is 64 MiB large for "huge".
func (r *rogue) PriceList(_ context.Context, req *pb.PriceListRequest) (*pb.PriceListResponse, error) {
	list := &pb.PriceList{Revision: "r1", Source: "test", AsOf: timestamppb.Now()}
	price := func(sku, amount string, unit pb.Unit) {
		list.Prices = append(list.Prices, &pb.Price{Sku: sku, Kind: pb.ComponentKind_COMPONENT_KIND_COMPUTE, Unit: unit, Amount: amount, Currency: "EUR"})
	}
	price("core", "0.01", pb.Unit_UNIT_HOUR)
	switch req.GetProvider() {
	case "huge":
		list.Source = strings.Repeat("x", 64<<20)
	case "liar":
		price("negative", "-1", pb.Unit_UNIT_HOUR)
		price("nounit", "1", pb.Unit(99))
		price("nan", "NaN", pb.Unit_UNIT_HOUR)
		price("zero", "0", pb.Unit_UNIT_HOUR)
	}
	return &pb.PriceListResponse{List: list}, nil
}

// Drain waits for ever once a provider "undrainable" was configured.
func (r *rogue) Drain(ctx context.Context, _ *pb.DrainRequest) (*pb.DrainResponse, error) {
	r.mu.Lock()
	_, hangs := r.configured["undrainable"]
	r.mu.Unlock()
	if hangs {
		time.Sleep(time.Hour)
	}
	_, _ = r.direct.WriteString("[INFO] drained\n")
	return &pb.DrainResponse{}, nil
}

// disaster is what happens in the middle of a call.
func disaster(provider string) {
	switch provider {
	case "dies":
		os.Exit(9)
	case "stops":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(time.Hour) // until the signal has come to all threads
	case "hangs":
		time.Sleep(time.Hour)
	}
}

// serveUnix serves a rogue plugin at a socket until stop is called, as a resident
// one would.
func serveUnix(t testing.TB, path string) (stop func()) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(sdk.ServerOptions()...)
	(&rogue{name: "rogue", direct: os.Stderr, configured: make(map[string][]*pb.ConfigureRequest)}).register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return server.Stop
}
