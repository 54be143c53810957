package sdk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

func allKinds() []Kind {
	return []Kind{Invalid, Denied, NotFound, Conflict, Busy, Exhausted, Throttled, Unsupported, Unavailable, Uncertain, Internal}
}

func TestErrorCrossesTheWireWhole(t *testing.T) {
	for _, kind := range allKinds() {
		sent := &Error{
			Kind: kind, Op: "define domain", Subject: "host kvm2", Text: "no", Hint: "try another", Source: SourceProvider,
			Code: "E_42", Scope: ScopeQuota, RetryAfter: 1500 * time.Millisecond,
			Faults: []Fault{{Path: "a[0].b", Have: "1", Want: "2", Text: "1: want 2"}, {Path: "c", Text: "missing"}},
		}
		got := FromStatus(ToStatus(fmt.Errorf("in a context: %w", sent)).Err())
		if d := cmp.Diff(error(sent), got); d != "" {
			t.Errorf("%s: sent -, got +\n%s", kind, d)
		}
	}
}

func TestCauseOfAnErrorBecomesText(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&Error{Kind: Busy, Text: "locked", Err: errors.New("by pid 7")}, "locked: by pid 7"},
		{&Error{Kind: Busy, Err: errors.New("by pid 7")}, "by pid 7"},
		{Errorf(Busy, "locked: %w", errors.New("by pid 7")), "locked: by pid 7"},
		{errors.New("plain"), "plain"},
	} {
		e, ok := errors.AsType[*Error](FromStatus(ToStatus(tt.err).Err()))
		if !ok || e.Text != tt.want || e.Err != nil {
			t.Errorf("%v became %#v, want the text %q", tt.err, e, tt.want)
		}
	}
	if cause := errors.New("cause"); !errors.Is(Errorf(Busy, "x: %w", cause), cause) {
		t.Error("Errorf lost the cause from the chain")
	}
}

func TestStatusWithoutDetail(t *testing.T) {
	for code, want := range map[codes.Code]Kind{
		codes.DeadlineExceeded: Uncertain, codes.Canceled: Uncertain, codes.Unavailable: Uncertain, codes.Unknown: Uncertain,
		// gRPC says so of an answer that is too large: the effect may be there.
		codes.ResourceExhausted: Uncertain,
		codes.Unimplemented:     Unsupported, codes.InvalidArgument: Invalid, codes.PermissionDenied: Denied, codes.Unauthenticated: Denied,
		codes.NotFound: NotFound, codes.AlreadyExists: Conflict, codes.Aborted: Busy, codes.Internal: Internal, codes.Code(99): Uncertain,
	} {
		if got := KindOf(FromStatus(status.Error(code, "x"))); got != want {
			t.Errorf("%v: %s, want %s", code, got, want)
		}
	}
	if err := FromStatus(status.Error(codes.DeadlineExceeded, "x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v: not a context.DeadlineExceeded", err)
	}
	if err := FromStatus(nil); err != nil {
		t.Errorf("nil became %v", err)
	}
}

// A plugin that says "exhausted" with the code of something else has not made a
// definite refusal.
func TestContradictionIsNoRefusal(t *testing.T) {
	for _, tt := range []struct {
		code codes.Code
		kind pb.ErrorKind
		want Kind
	}{
		{codes.Unknown, pb.ErrorKind_ERROR_KIND_EXHAUSTED, Internal},
		{codes.ResourceExhausted, pb.ErrorKind_ERROR_KIND_UNSPECIFIED, Internal},
		{codes.ResourceExhausted, 77, Internal},
		{codes.ResourceExhausted, pb.ErrorKind_ERROR_KIND_EXHAUSTED, Exhausted},
		{codes.Unauthenticated, pb.ErrorKind_ERROR_KIND_DENIED, Denied},
	} {
		s, err := status.New(tt.code, "x").WithDetails(&pb.ErrorDetail{Kind: tt.kind})
		if err != nil {
			t.Fatal(err)
		}
		if got := KindOf(FromStatus(s.Err())); got != tt.want {
			t.Errorf("%v with %v: %s, want %s", tt.kind, tt.code, got, tt.want)
		}
	}
}

func TestErrorOfAPluginIsBounded(t *testing.T) {
	d := &pb.ErrorDetail{
		Kind: pb.ErrorKind_ERROR_KIND_INTERNAL, Text: strings.Repeat("ä", 1<<20), Hint: "\x1b[2Jboo\x00\nnext", RetryAfterMs: 1 << 63,
		Faults: make([]*pb.FieldFault, 100_000),
	}
	for i := range d.Faults {
		d.Faults[i] = &pb.FieldFault{Path: "p"}
	}
	s, err := status.New(codes.Internal, "x").WithDetails(d)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := errors.AsType[*Error](FromStatus(s.Err()))
	if len(e.Text) > MaxTextBytes || !utf8.ValidString(e.Text) || !strings.HasSuffix(e.Text, "…") {
		t.Errorf("text of %d bytes", len(e.Text))
	}
	if e.Hint != "[2Jboo next" {
		t.Errorf("hint %q", e.Hint)
	}
	if len(e.Faults) != maxFaults || e.RetryAfter != longestRetry {
		t.Errorf("%d faults, retry after %v", len(e.Faults), e.RetryAfter)
	}
}

func TestCleanText(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"plain", 10, "plain"},
		{"a\nb\tc\rd", 10, "a b c d"},
		{"a\x00\x1b\x7f\u0085b", 10, "ab"},
		{"\u202eevil\u2066", 20, "evil"},
		{"abcdefgh", 6, "abc…"},
		{"äöüß", 6, "ä…"},
		{"\xff\xfeok", 20, "\uFFFDok"},
		{"abc", 2, ""},
		{strings.Repeat("\x80", 100), 10, "\uFFFD…"},
	} {
		if got := CleanText(tt.in, tt.limit); got != tt.want {
			t.Errorf("CleanText(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func FuzzCleanText(f *testing.F) {
	f.Add("abc\x1b\u202e\xff", 5)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(min(limit, 1<<16), 3)
		got := CleanText(s, limit)
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("%q, limit %d: %d bytes, %q", s, limit, len(got), got)
		}
		if again := CleanText(got, limit); again != got {
			t.Fatalf("%q is cleaned to %q", got, again)
		}
	})
}

// Bytes that are a status of an unfriendly plugin.
func FuzzFromStatus(f *testing.F) {
	seed := ToStatus(&Error{Kind: Exhausted, Scope: ScopeQuota, Text: "x", Faults: []Fault{{Path: "a"}}})
	wire, err := proto.Marshal(seed.Proto())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Fuzz(func(t *testing.T, data []byte) {
		var s spb.Status
		if proto.Unmarshal(data, &s) != nil {
			return
		}
		err := FromStatus(status.ErrorProto(&s))
		if err == nil {
			if s.GetCode() != 0 {
				t.Fatal("an error became none")
			}
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.Kind.Valid() || len(e.Text) > MaxTextBytes || len(e.Faults) > maxFaults {
			t.Fatalf("%#v", err)
		}
		// What was read once is read the same again.
		again := FromStatus(ToStatus(e).Err())
		if KindOf(again) != e.Kind {
			t.Fatalf("kind %s became %s", e.Kind, KindOf(again))
		}
	})
}
