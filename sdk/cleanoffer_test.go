package sdk

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mesoncloud/meson/sdk/pb"
)

// The short way cleans what the general way cleans, also in fields that are
// added one day.
func TestOffersAreCleanedWhole(t *testing.T) {
	m := &pb.OfferResponse{}
	fill(m.ProtoReflect(), 0)
	want := proto.CloneOf(m)
	cleanMessage(want)
	got := proto.CloneOf(m)
	cleanOffers(got)
	if !proto.Equal(want, got) || proto.Equal(m, got) {
		t.Errorf("want %v\ngot %v", want, got)
	}
}

const dirty = "a\x1b[2Jb\n"

// fill sets every text of a message.
func fill(m protoreflect.Message, depth int) {
	if depth > 4 {
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		text := protoreflect.ValueOfString(dirty)
		switch {
		case f.IsMap() && f.MapValue().Kind() == protoreflect.StringKind:
			m.Mutable(f).Map().Set(text.MapKey(), text)
		case f.IsMap():
		case f.IsList() && f.Kind() == protoreflect.StringKind:
			m.Mutable(f).List().Append(text)
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(f).List().AppendMutable().Message(), depth+1)
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, text)
		case f.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(f).Message(), depth+1)
		}
	}
}
