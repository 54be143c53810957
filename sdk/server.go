package sdk

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Server serves a plugin's Definition as the services of meson.plugin.v1: it
// routes each call to the provider that it names, checks what is the same for
// every plugin, turns panics into errors, and drains. It is safe for concurrent
// use.
type Server struct {
	plugin definition
	log    *slog.Logger
	fault  error // what is wrong with the Definition
	macKey []byte
	keys   Keys

	mu        sync.Mutex
	providers map[string]*opened
	opening   Keys // by provider name
	draining  bool
	calls     sync.WaitGroup // under way, of all providers and retired ones
	closing   sync.WaitGroup // providers being closed

	// ended is the end of every call: when the time to drain is over.
	ended context.Context
	end   context.CancelCauseFunc
}

// definition is a Definition without its type parameters.
type definition struct {
	describe *pb.DescribeResponse
	open     func(ctx context.Context, name string, config []byte, secrets map[string][]byte, log *slog.Logger) (Provider, error)
	discover func(ctx context.Context) ([]*pb.Discovery, error)
	has      func(ability reflect.Type) bool
}

// NewServer makes a server of a Definition. A Definition that is wrong makes a
// server whose every call says so; Main refuses to start with it.
func NewServer[C any, P Provider](d Definition[C, P], log *slog.Logger) *Server {
	s := &Server{log: log, macKey: make([]byte, 32), providers: map[string]*opened{}}
	_, _ = rand.Read(s.macKey)
	s.ended, s.end = context.WithCancelCause(context.Background())
	s.plugin = definition{
		discover: d.Discover,
		has:      func(ability reflect.Type) bool { return reflect.TypeFor[P]().Implements(ability) },
	}
	s.plugin.describe, s.fault = describe(d, s.plugin.has)
	s.plugin.open = func(ctx context.Context, name string, config []byte, secrets map[string][]byte, log *slog.Logger) (Provider, error) {
		c, err := DecodeConfig[C](config, secrets)
		if err != nil {
			return nil, err
		}
		p, err := d.Open(ctx, name, c, log)
		if err != nil {
			return nil, err
		}
		if v := reflect.ValueOf(&p).Elem(); (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
			return nil, Errorf(Internal, "the plugin opened no provider and gave no error")
		}
		return p, nil
	}
	return s
}

// Fault is what is wrong with the Definition, nil if nothing is.
func (s *Server) Fault() error { return s.fault }

// Describe is what the plugin says about itself.
func (s *Server) Describe() *pb.DescribeResponse { return s.plugin.describe }

func describe[C any, P Provider](d Definition[C, P], has func(reflect.Type) bool) (*pb.DescribeResponse, error) {
	out := &pb.DescribeResponse{
		Name: d.Name, Version: d.Version, SdkVersion: Version(), Summary: d.Summary,
		ConsistencyWindowMs: uint32(max(d.ConsistencyWindow, 0) / time.Millisecond),
		LiveInventory:       d.LiveInventory,
		Consumes:            d.Consumes,
	}
	for _, svc := range services() {
		if svc.ability == nil || has(svc.ability) {
			out.Services = append(out.Services, svc.name)
		}
	}
	schema, err := ConfigSchema[C]()
	if err != nil {
		return out, err
	}
	out.ConfigSchema = schema
	switch {
	case !regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`).MatchString(d.Name):
		return out, fmt.Errorf("plugin name %q: want [a-z][a-z0-9-]{0,30}", d.Name)
	case d.Open == nil:
		return out, fmt.Errorf("plugin %s has no Open", d.Name)
	case !has(reflect.TypeFor[Compute]()) && !has(reflect.TypeFor[Storage]()):
		return out, fmt.Errorf("%v of plugin %s implements neither Compute nor Storage", reflect.TypeFor[P](), d.Name)
	}
	return out, nil
}

// service is one service of the contract, the interface that a provider needs
// to have it, and how it is registered.
type service struct {
	name     string
	ability  reflect.Type
	register func(grpc.ServiceRegistrar, *Server)
}

func services() []service {
	return []service{
		{pb.Plugin_ServiceDesc.ServiceName, nil, func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterPluginServer(r, pluginServer{s: s}) }},
		{pb.Compute_ServiceDesc.ServiceName, reflect.TypeFor[Compute](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterComputeServer(r, computeServer{s: s}) }},
		{pb.Storage_ServiceDesc.ServiceName, reflect.TypeFor[Storage](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterStorageServer(r, storageServer{s: s}) }},
		{pb.Power_ServiceDesc.ServiceName, reflect.TypeFor[Power](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterPowerServer(r, powerServer{s: s}) }},
		{pb.Console_ServiceDesc.ServiceName, reflect.TypeFor[Console](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterConsoleServer(r, consoleServer{s: s}) }},
		{pb.Attacher_ServiceDesc.ServiceName, reflect.TypeFor[Attacher](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterAttacherServer(r, attacherServer{s: s}) }},
		{pb.AttachmentResizer_ServiceDesc.ServiceName, reflect.TypeFor[AttachmentResizer](), func(r grpc.ServiceRegistrar, s *Server) {
			pb.RegisterAttachmentResizerServer(r, attachmentResizerServer{s: s})
		}},
		{pb.Exporter_ServiceDesc.ServiceName, reflect.TypeFor[Exporter](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterExporterServer(r, exporterServer{s: s}) }},
		{pb.Resizer_ServiceDesc.ServiceName, reflect.TypeFor[Resizer](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterResizerServer(r, resizerServer{s: s}) }},
		{pb.Snapshotter_ServiceDesc.ServiceName, reflect.TypeFor[Snapshotter](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterSnapshotterServer(r, snapshotterServer{s: s}) }},
		{pb.Locker_ServiceDesc.ServiceName, reflect.TypeFor[Locker](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterLockerServer(r, lockerServer{s: s}) }},
		{pb.Renamer_ServiceDesc.ServiceName, reflect.TypeFor[Renamer](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterRenamerServer(r, renamerServer{s: s}) }},
		{pb.Converter_ServiceDesc.ServiceName, reflect.TypeFor[Converter](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterConverterServer(r, converterServer{s: s}) }},
		{pb.Images_ServiceDesc.ServiceName, reflect.TypeFor[Images](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterImagesServer(r, imagesServer{s: s}) }},
		{pb.Transfer_ServiceDesc.ServiceName, reflect.TypeFor[Transfer](), func(r grpc.ServiceRegistrar, s *Server) { pb.RegisterTransferServer(r, transferServer{s: s}) }},
	}
}

// Register adds exactly the services that Describe lists.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	for _, svc := range services() {
		if svc.ability == nil || s.plugin.has(svc.ability) {
			svc.register(r, s)
		}
	}
}

// ServerOptions are the options of a gRPC server that serves the contract.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(MaxMessageBytes), grpc.MaxSendMsgSize(MaxMessageBytes)}
}

// configure opens a provider, or replaces it where its settings are others.
// Calls under way on the old one end by themselves; then it is closed.
func (s *Server) configure(ctx context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	name := req.GetProvider()
	unlock, err := s.opening.Lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	mark := fingerprint(s.macKey, []byte(req.GetConfigJson()), req.GetSecrets())
	s.mu.Lock()
	old := s.providers[name]
	s.mu.Unlock()
	if old != nil && bytes.Equal(old.fingerprint, mark) {
		return configured(old.provider), nil
	}
	log := s.log.With("provider", name)
	p, err := s.plugin.open(ctx, name, []byte(req.GetConfigJson()), req.GetSecrets(), log)
	if err != nil {
		return nil, err
	}
	fresh := newOpened(name, mark, p, log)
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		fresh.close(context.WithoutCancel(ctx))
		return nil, drained()
	}
	s.providers[name] = fresh
	if old != nil {
		s.closing.Go(func() { s.replace(old) })
	}
	s.mu.Unlock()
	return configured(p), nil
}

// Warner is a provider that has something to say about its own settings: what
// works but deserves attention.
type Warner interface{ Warnings() []string }

func configured(p Provider) *pb.ConfigureResponse {
	if w, ok := p.(Warner); ok {
		return &pb.ConfigureResponse{Warnings: w.Warnings()}
	}
	return &pb.ConfigureResponse{}
}

func (s *Server) replace(old *opened) {
	old.retire(&Error{Kind: Unavailable, Source: SourcePlugin, Text: "the provider was configured anew; ask again"})
	select {
	case <-old.idle:
	case <-s.ended.Done():
	}
	old.close(context.Background())
}

// Version is the version of this SDK: that of its module in the binary.
func Version() string {
	const module = "github.com/mesoncloud/meson"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return "unknown"
}
