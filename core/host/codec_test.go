package host

import (
	"bytes"
	"runtime"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

func decode(raw []byte, into proto.Message) error {
	return newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw)}, into)
}

// Millions of parts of two bytes each are refused before they are made, however
// deep they are; as many prices as a list may have are not.
func TestCodecBoundsMemory(t *testing.T) {
	empty := func(field protowire.Number, n int) []byte {
		return bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), nil), n)
	}
	list := &pb.PriceListResponse{List: &pb.PriceList{}}
	for range 200_000 {
		list.List.Prices = append(list.List.Prices, &pb.Price{
			Sku: "sku", Amount: "0.01", Currency: "EUR", Text: "text", Kind: 1, Unit: 1,
			Family: "n2", Billing: 1, SpotOf: "sku", Confidence: 1, Source: 1,
		})
	}
	prices, err := proto.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		raw    []byte
		into   proto.Message
		passes bool
	}{
		"reasons":       {empty(2, 8<<20), &pb.OfferResponse{}, false},
		"quantities":    {protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), empty(9, 1<<20)), &pb.OfferResponse{}, false},
		"strings":       {empty(8, 9<<20), &pb.Offer{}, false},
		"few reasons":   {empty(2, 1000), &pb.OfferResponse{}, true},
		"prices":        {prices, &pb.PriceListResponse{}, true},
		"nothing":       {nil, &pb.DrainResponse{}, true},
		"unknown field": {empty(999, 9<<20), &pb.DrainResponse{}, true},
		"cut short":     {[]byte{0x12, 0x7f}, &pb.OfferResponse{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := decode(test.raw, test.into)
			runtime.ReadMemStats(&after)
			if (err == nil) != test.passes {
				t.Fatalf("%v: want it to pass: %t", err, test.passes)
			}
			took := int(after.TotalAlloc-before.TotalAlloc) - len(test.raw)
			if limit := maxDecoded; took > limit || err != nil && took > 32<<20 {
				t.Errorf("%d MiB allocated for %d MiB (%v)", took>>20, len(test.raw)>>20, err)
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
