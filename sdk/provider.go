package sdk

import (
	"context"
	"io"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Provider is what every configured provider can do. All methods of it and of
// the interfaces below are called concurrently, honour their context's end, and
// return errors of type *Error where they know a kind; any other error is taken
// for Internal, or, from a Create, for Uncertain.
type Provider interface {
	// Check tries what the provider answers and what its credentials allow.
	// What does not work is an item, not an error.
	Check(ctx context.Context) ([]*pb.CheckItem, error)
	// PriceList answers the list that offers refer to by revision.
	PriceList(ctx context.Context) (*pricing.List, error)
	// Close ends what runs in the background. The provider is not used again.
	Close(ctx context.Context) error
}

// Compute makes machines. See service Compute in compute.proto for what each
// call promises.
type Compute interface {
	Provider
	// Offer sends answers as they come; send is not for concurrent use and its
	// error ends the call.
	Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error
	Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error)
	Get(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error)
	List(ctx context.Context, req *pb.ListRequest, send func(*pb.Instance) error) error
	Delete(ctx context.Context, req *pb.DeleteRequest) error
	Watch(ctx context.Context, req *pb.GetRequest, send func(*pb.Instance) error) error
}

// Power is the ability to start, stop and reboot machines.
type Power interface {
	SetPower(ctx context.Context, req *pb.SetPowerRequest) (*pb.Instance, error)
}

// Console is the ability to reach a machine's serial console. It returns when
// the machine, the caller or a later forced caller ends the session: nil when
// the console is closed, io.EOF from stream.Read being the caller's end.
type Console interface {
	OpenConsole(ctx context.Context, req *pb.ConsoleRequest, stream io.ReadWriter) error
}

// Attacher is the ability to connect volumes to a machine that exists.
type Attacher interface {
	Attach(ctx context.Context, req *pb.AttachRequest) (*pb.Instance, error)
	Detach(ctx context.Context, req *pb.DetachRequest) (*pb.Instance, error)
}

// AttachmentResizer is the ability to let the file of a volume grow that a machine
// has open itself. See compute.proto for what it promises.
type AttachmentResizer interface {
	ResizeAttachment(ctx context.Context, req *pb.ResizeAttachmentRequest) (*pb.Instance, error)
}
