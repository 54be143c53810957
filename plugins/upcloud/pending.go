package upcloud

import (
	"context"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What stands here is not done yet; each method leaves for a file of its own.

var _ sdk.Compute = (*Provider)(nil)

func errPending() error { return sdk.Errorf(sdk.Unsupported, "plugin upcloud cannot do that yet") }

// Create is not done yet.
func (p *Provider) Create(context.Context, *pb.CreateRequest) (*pb.Instance, error) {
	return nil, errPending()
}

// Get is not done yet.
func (p *Provider) Get(context.Context, *pb.GetRequest) (*pb.Instance, error) {
	return nil, errPending()
}

// List is not done yet.
func (p *Provider) List(context.Context, *pb.ListRequest, func(*pb.Instance) error) error {
	return errPending()
}

// Delete is not done yet.
func (p *Provider) Delete(context.Context, *pb.DeleteRequest) error { return errPending() }

// Watch is not done yet.
func (p *Provider) Watch(context.Context, *pb.GetRequest, func(*pb.Instance) error) error {
	return errPending()
}
