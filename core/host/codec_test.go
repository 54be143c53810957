package host

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/mesoncloud/meson/sdk/pb"
)

func decode(raw []byte, into proto.Message) error {
	return newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw)}, into)
}

// Millions of parts of two bytes each are refused before they are made, however
// deep they are; as many prices as a list may have are not.
func TestCodecBoundsMemory(t *testing.T) {
	reasons := make([]*pb.Reason, 1<<20)
	quantities := make([]*pb.Quantity, 1<<20)
	for i := range reasons {
		reasons[i], quantities[i] = &pb.Reason{}, &pb.Quantity{}
	}
	prices := make([]*pb.Price, 200_000)
	for i := range prices {
		prices[i] = &pb.Price{Sku: "sku", Amount: "0.01", Currency: "EUR", Text: "text", Kind: 1, Unit: 1}
	}
	for name, test := range map[string]struct {
		message proto.Message
		passes  bool
	}{
		"reasons":    {&pb.OfferResponse{Reasons: reasons}, false},
		"quantities": {&pb.OfferResponse{Offers: []*pb.Offer{{Quantities: quantities}}}, false},
		"strings":    {&pb.Offer{Unknown: make([]string, 9<<20)}, false},
		"prices":     {&pb.PriceListResponse{List: &pb.PriceList{Prices: prices}}, true},
		"offer":      {&pb.OfferResponse{Offers: []*pb.Offer{goodOffer("a")}}, true},
		"empty":      {&pb.DrainResponse{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := proto.Marshal(test.message)
			if err != nil {
				t.Fatal(err)
			}
			into := test.message.ProtoReflect().New().Interface()
			allocated := testing.AllocsPerRun(1, func() { err = decode(raw, into) })
			if (err == nil) != test.passes {
				t.Fatalf("%v: want it to pass: %t", err, test.passes)
			}
			if err != nil && allocated > 100 {
				t.Errorf("%.0f allocations for a message that was refused", allocated)
			}
			if diff := cmp.Diff(test.message, into, protocmp.Transform()); test.passes && len(raw) < 10_000 && diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzCodec(f *testing.F) {
	raw, err := proto.Marshal(&pb.OfferResponse{Offers: []*pb.Offer{goodOffer("a")}, Reasons: []*pb.Reason{{Text: "no"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte{0x0b, 0x0b, 0x0b})
	f.Fuzz(func(t *testing.T, raw []byte) {
		ours, theirs := &pb.OfferResponse{}, &pb.OfferResponse{}
		err := decode(raw, ours)
		if theirErr := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, theirs); err == nil && (theirErr != nil || !proto.Equal(ours, theirs)) {
			t.Errorf("%v and %v (%v) differ", ours, theirs, theirErr)
		}
	})
}
