package sdktest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Plugin is what the suite drives: a plugin over a connection (FromClient) or as
// a value (FromDefinition).
type Plugin interface {
	Describe(ctx context.Context) (*pb.DescribeResponse, error)
	Configure(ctx context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error)
	Check(ctx context.Context, provider string) ([]*pb.CheckItem, error)
	PriceList(ctx context.Context, provider string) (*pricing.List, error)
	Drain(ctx context.Context) error
	// Provider is a configured provider. Which services it has, Describe says.
	Provider(name string) (sdk.Provider, error)
}

// FromClient drives a plugin over a connection.
func FromClient(c *sdk.Client) Plugin { return clientPlugin{c} }

type clientPlugin struct{ *sdk.Client }

func (c clientPlugin) Provider(name string) (sdk.Provider, error) {
	return c.Client.Provider(name), nil
}

// FromDefinition drives a plugin in this process, without serving it.
func FromDefinition[C any, P sdk.Provider](d sdk.Definition[C, P], log *slog.Logger) Plugin {
	return &valuePlugin[C, P]{definition: d, log: log, providers: map[string]valueProvider{}}
}

type valuePlugin[C any, P sdk.Provider] struct {
	definition sdk.Definition[C, P]
	log        *slog.Logger

	mu        sync.Mutex
	providers map[string]valueProvider
}

// unserved marks a plugin whose requests the SDK's server does not see.
func (v *valuePlugin[C, P]) unserved() {}

type valueProvider struct {
	sdk.Provider
	config  string
	secrets map[string][]byte
}

func (v *valuePlugin[C, P]) Describe(context.Context) (*pb.DescribeResponse, error) {
	s := sdk.NewServer(v.definition, v.log)
	return s.Describe(), s.Fault()
}

func (v *valuePlugin[C, P]) Configure(ctx context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	old, there := v.providers[req.GetProvider()]
	same := func(a, b []byte) bool { return string(a) == string(b) }
	if there && old.config == req.GetConfigJson() && maps.EqualFunc(old.secrets, req.GetSecrets(), same) {
		return &pb.ConfigureResponse{}, nil
	}
	c, err := sdk.DecodeConfig[C]([]byte(req.GetConfigJson()), req.GetSecrets())
	if err != nil {
		return nil, err
	}
	p, err := v.definition.Open(ctx, req.GetProvider(), c, v.log)
	if err != nil {
		return nil, err
	}
	v.providers[req.GetProvider()] = valueProvider{p, req.GetConfigJson(), req.GetSecrets()}
	if there {
		return &pb.ConfigureResponse{}, old.Close(ctx)
	}
	return &pb.ConfigureResponse{}, nil
}

func (v *valuePlugin[C, P]) Provider(name string) (sdk.Provider, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.providers[name]
	if !ok {
		return nil, sdk.Errorf(sdk.Unavailable, "provider %q is not configured", name)
	}
	return p.Provider, nil
}

func (v *valuePlugin[C, P]) Check(ctx context.Context, provider string) ([]*pb.CheckItem, error) {
	p, err := v.Provider(provider)
	if err != nil {
		return nil, err
	}
	return p.Check(ctx)
}

func (v *valuePlugin[C, P]) PriceList(ctx context.Context, provider string) (*pricing.List, error) {
	p, err := v.Provider(provider)
	if err != nil {
		return nil, err
	}
	return p.PriceList(ctx)
}

func (v *valuePlugin[C, P]) Drain(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, p := range v.providers {
		if err := p.Close(ctx); err != nil {
			return fmt.Errorf("close %s: %w", name, err)
		}
	}
	clear(v.providers)
	return nil
}
