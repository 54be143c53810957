package host

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What decoding may take beyond the bytes of the message itself, and what it
// takes for each part. An empty message is two bytes on the wire and a hundred
// times that in memory: a bound on the bytes of a message bounds nothing.
const (
	maxDecoded    = 128 << 20
	messageWeight = 192
	stringWeight  = 16
	maxDepth      = 32
)

// codec is gRPC's own for protobuf, but weighs a message before it is decoded,
// and drops fields that it does not know.
type codec struct{ encoding.CodecV2 }

func newCodec() encoding.CodecV2 { return codec{encoding.GetCodecV2(grpcproto.Name)} }

// Unmarshal refuses what would take too much memory.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	raw := buffer.ReadOnlyData()
	budget := maxDecoded
	if err := weigh(raw, message.ProtoReflect().Descriptor(), 0, &budget); err != nil {
		return err
	}
	return proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, message)
}

func weigh(raw []byte, descriptor protoreflect.MessageDescriptor, depth int, budget *int) error {
	if depth > maxDepth {
		return fmt.Errorf("message nested deeper than %d", maxDepth)
	}
	fields := descriptor.Fields()
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return protowire.ParseError(n)
		}
		raw = raw[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, raw); n < 0 {
				return protowire.ParseError(n)
			}
			raw = raw[n:]
			*budget -= stringWeight
		} else {
			value, n := protowire.ConsumeBytes(raw)
			if n < 0 {
				return protowire.ParseError(n)
			}
			raw = raw[n:]
			field := fields.ByNumber(number)
			switch {
			case field == nil:
			case field.Message() != nil:
				*budget -= messageWeight
				if err := weigh(value, field.Message(), depth+1, budget); err != nil {
					return err
				}
			case field.IsPacked():
				*budget -= 8 * len(value)
			default:
				*budget -= stringWeight
			}
		}
		if *budget < 0 {
			return fmt.Errorf("message that takes more than %d MiB when it is decoded", maxDecoded>>20)
		}
	}
	return nil
}
