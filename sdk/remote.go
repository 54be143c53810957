package sdk

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Remote is one provider on the other side of a connection. It implements every
// interface of the SDK; requests may leave their provider field empty, which is
// set on a copy.
type Remote struct {
	client *Client
	name   string
}

var (
	_ Compute           = (*Remote)(nil)
	_ Storage           = (*Remote)(nil)
	_ Power             = (*Remote)(nil)
	_ Console           = (*Remote)(nil)
	_ Attacher          = (*Remote)(nil)
	_ AttachmentResizer = (*Remote)(nil)
	_ Exporter          = (*Remote)(nil)
	_ Resizer           = (*Remote)(nil)
	_ Snapshotter       = (*Remote)(nil)
	_ Locker            = (*Remote)(nil)
	_ Renamer           = (*Remote)(nil)
	_ Converter         = (*Remote)(nil)
	_ Images            = (*Remote)(nil)
	_ Transfer          = (*Remote)(nil)
)

// Name is the provider's name.
func (r *Remote) Name() string { return r.name }

// Check is Client.Check for this provider.
func (r *Remote) Check(ctx context.Context) ([]*pb.CheckItem, error) {
	return r.client.Check(ctx, r.name)
}

// PriceList is Client.PriceList for this provider.
func (r *Remote) PriceList(ctx context.Context) (*pricing.List, error) {
	return r.client.PriceList(ctx, r.name)
}

// Close does nothing: the provider belongs to the plugin.
func (r *Remote) Close(context.Context) error { return nil }

// Offer is Compute.Offer. More offers or reasons than anybody could want end it
// with an error.
func (r *Remote) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	limit := offerLimit(func(m *pb.OfferResponse) (int, int) { return len(m.GetOffers()), len(m.GetReasons()) })
	return receive(ctx, named(req, r.name), pb.NewComputeClient(r.client.conn).Offer, limit, cleanOffers, send)
}

// Create is Compute.Create.
func (r *Remote) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	return unary(ctx, true, named(req, r.name), pb.NewComputeClient(r.client.conn).Create)
}

// Get is Compute.Get.
func (r *Remote) Get(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	return unary(ctx, false, named(req, r.name), pb.NewComputeClient(r.client.conn).Get)
}

// List is Compute.List.
func (r *Remote) List(ctx context.Context, req *pb.ListRequest, send func(*pb.Instance) error) error {
	return receive(ctx, named(req, r.name), pb.NewComputeClient(r.client.conn).List, atMost[*pb.Instance](MaxListed, "instances"), cleanAll[*pb.Instance], send)
}

// Delete is Compute.Delete.
func (r *Remote) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	_, err := unary(ctx, true, named(req, r.name), pb.NewComputeClient(r.client.conn).Delete)
	return err
}

// Watch is Compute.Watch.
func (r *Remote) Watch(ctx context.Context, req *pb.GetRequest, send func(*pb.Instance) error) error {
	return receive(ctx, named(req, r.name), pb.NewComputeClient(r.client.conn).Watch, noLimit[*pb.Instance], cleanAll[*pb.Instance], send)
}

// SetPower is Power.SetPower.
func (r *Remote) SetPower(ctx context.Context, req *pb.SetPowerRequest) (*pb.Instance, error) {
	return unary(ctx, true, named(req, r.name), pb.NewPowerClient(r.client.conn).SetPower)
}

// Attach is Attacher.Attach.
func (r *Remote) Attach(ctx context.Context, req *pb.AttachRequest) (*pb.Instance, error) {
	return unary(ctx, true, named(req, r.name), pb.NewAttacherClient(r.client.conn).Attach)
}

// Detach is Attacher.Detach.
func (r *Remote) Detach(ctx context.Context, req *pb.DetachRequest) (*pb.Instance, error) {
	return unary(ctx, true, named(req, r.name), pb.NewAttacherClient(r.client.conn).Detach)
}

// ResizeAttachment is AttachmentResizer.ResizeAttachment.
func (r *Remote) ResizeAttachment(ctx context.Context, req *pb.ResizeAttachmentRequest) (*pb.Instance, error) {
	return unary(ctx, true, named(req, r.name), pb.NewAttachmentResizerClient(r.client.conn).ResizeAttachment)
}

// offerLimit bounds what one Offer call may send in all.
func offerLimit[T any](count func(T) (offers, reasons int)) func(T) error {
	offers, reasons, messages := 0, 0, 0
	return func(m T) error {
		o, r := count(m)
		offers, reasons, messages = offers+o, reasons+r, messages+1
		if offers <= MaxOffers && reasons <= MaxReasons && messages <= MaxOffers {
			return nil
		}
		return &Error{
			Kind: Internal, Source: SourcePlugin, Op: "offer",
			Text: fmt.Sprintf("the plugin sent more than %d offers or %d reasons", MaxOffers, MaxReasons),
		}
	}
}

func noLimit[T any](T) error { return nil }

// named is a shallow copy of a request with its provider set.
func named[T proto.Message](req T, provider string) T {
	from := req.ProtoReflect()
	to := from.New()
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(f, v)
		return true
	})
	to.Set(to.Descriptor().Fields().ByName("provider"), protoreflect.ValueOfString(provider))
	named, _ := to.Interface().(T)
	return named
}
