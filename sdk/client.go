package sdk

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Bounds on what a caller takes from a plugin.
const (
	// MaxAnswerBytes bounds every message but a price list: a message of many
	// small parts takes a hundred times its size in memory.
	MaxAnswerBytes = 1 << 20
	// MaxOffers and MaxReasons bound what one Offer call may send in all.
	MaxOffers  = 20_000
	MaxReasons = 10_000
	// MaxListed bounds what one List call may send in all.
	MaxListed = 100_000
)

// Client calls one plugin over a connection that it does not own. Every error
// is an *Error; every text in an answer is free of control characters and
// bounded. It is safe for concurrent use, and so is each Remote.
type Client struct{ conn grpc.ClientConnInterface }

// NewClient makes a client of a connection.
func NewClient(conn grpc.ClientConnInterface) *Client { return &Client{conn: conn} }

// Describe asks what the plugin is.
func (c *Client) Describe(ctx context.Context) (*pb.DescribeResponse, error) {
	out, err := pb.NewPluginClient(c.conn).Describe(ctx, &pb.DescribeRequest{}, answerLimit())
	if err != nil {
		return nil, readError(err)
	}
	// A schema is longer than a text for people, and JSON has no control
	// characters to begin with.
	schema := out.GetConfigSchema()
	out.ConfigSchema = ""
	cleanMessage(out)
	out.ConfigSchema = CleanText(schema, MaxAnswerBytes)
	return out, nil
}

// Configure gives a provider its settings. Faults in them are an Invalid error.
func (c *Client) Configure(ctx context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	return unary(ctx, false, req, pb.NewPluginClient(c.conn).Configure)
}

// Check asks what a provider answers and what its credentials allow.
func (c *Client) Check(ctx context.Context, provider string) ([]*pb.CheckItem, error) {
	out, err := unary(ctx, false, &pb.CheckRequest{Provider: provider}, pb.NewPluginClient(c.conn).Check)
	return out.GetItems(), err
}

// Discover asks what could be added.
func (c *Client) Discover(ctx context.Context) ([]*pb.Discovery, error) {
	out, err := pb.NewPluginClient(c.conn).Discover(ctx, &pb.DiscoverRequest{}, answerLimit())
	if err != nil {
		return nil, readError(err)
	}
	for _, d := range out.GetFound() {
		config := d.GetConfigJson()
		d.ConfigJson = ""
		cleanMessage(d)
		d.ConfigJson = config
	}
	return out.GetFound(), nil
}

// PriceList asks for a provider's prices, and checks them.
func (c *Client) PriceList(ctx context.Context, provider string) (*pricing.List, error) {
	out, err := pb.NewPluginClient(c.conn).PriceList(ctx, &pb.PriceListRequest{Provider: provider}, grpc.MaxCallRecvMsgSize(MaxMessageBytes))
	if err != nil {
		return nil, readError(err)
	}
	return PriceListFromPB(out.GetList())
}

// Drain asks the plugin to end what it does before the deadline of ctx.
func (c *Client) Drain(ctx context.Context) error {
	_, err := pb.NewPluginClient(c.conn).Drain(ctx, &pb.DrainRequest{}, answerLimit())
	return readError(err)
}

// Provider is one provider of the plugin. It has the methods of every service
// and ability; those that the plugin lacks are Unsupported, and Describe lists
// those that it has.
func (c *Client) Provider(name string) *Remote { return &Remote{client: c, name: name} }

func answerLimit() grpc.CallOption { return grpc.MaxCallRecvMsgSize(MaxAnswerBytes) }

// tooLarge refuses a request that would not arrive: refused here, nothing has
// happened.
func tooLarge(req proto.Message) error {
	if n := proto.Size(req); n > MaxMessageBytes {
		return Errorf(Invalid, "request of %d bytes: at most %d", n, MaxMessageBytes)
	}
	return nil
}

// readError is the error of a call that changes nothing: what may have had an
// effect elsewhere has had none here.
func readError(err error) error {
	e, ok := FromStatus(err).(*Error)
	if !ok {
		return nil
	}
	if s := statusOf(err); e.Kind == Uncertain && s != nil && detailOf(s) == nil {
		e.Kind = Unavailable
	}
	return e
}

func callError(err error, effect bool) error {
	if effect {
		return FromStatus(err)
	}
	return readError(err)
}

func unary[Req, Resp proto.Message](ctx context.Context, effect bool, req Req, method func(context.Context, Req, ...grpc.CallOption) (Resp, error)) (Resp, error) {
	var none Resp
	if err := tooLarge(req); err != nil {
		return none, err
	}
	out, err := method(ctx, req, answerLimit())
	if err != nil {
		return none, callError(err, effect)
	}
	cleanMessage(out)
	return out, nil
}

// receive passes on what a stream sends, until its end or an error of send,
// which is returned as it is and ends the call.
func receive[Req, Resp proto.Message, S interface{ Recv() (Resp, error) }](
	ctx context.Context, req Req,
	open func(context.Context, Req, ...grpc.CallOption) (S, error),
	limit func(Resp) error, clean func(Resp), send func(Resp) error,
) error {
	if err := tooLarge(req); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := open(ctx, req, answerLimit())
	if err != nil {
		return readError(err)
	}
	for {
		msg, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		if err := limit(msg); err != nil {
			return err
		}
		clean(msg)
		if err := send(msg); err != nil {
			return err
		}
	}
}

// atMost counts messages.
func atMost[T any](n int, what string) func(T) error {
	seen := 0
	return func(T) error {
		if seen++; seen > n {
			return &Error{Kind: Internal, Source: SourcePlugin, Text: fmt.Sprintf("the plugin sent more than %d %s", n, what)}
		}
		return nil
	}
}
