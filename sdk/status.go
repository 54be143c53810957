package sdk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mesoncloud/meson/sdk/pb"
)

// longestRetry bounds RetryAfter: a plugin that asks for more is not believed.
const longestRetry = 30 * 24 * time.Hour

// ToStatus is err as it crosses the wire: the code of its kind and an
// ErrorDetail. An error that has no *Error in its chain becomes Internal. Nil is
// nil.
func ToStatus(err error) *status.Status {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Kind: Internal, Source: SourcePlugin, Text: err.Error()}
	}
	if !e.Kind.Valid() {
		wrong := *e
		wrong.Kind = Internal
		e = &wrong
	}
	s := status.New(e.Kind.code(), CleanText(e.Error(), MaxTextBytes))
	detailed, detailErr := s.WithDetails(e.detail())
	if detailErr != nil {
		return s
	}
	return detailed
}

func (e *Error) detail() *pb.ErrorDetail {
	text := e.Text
	if cause := e.cause(); cause != "" && text != "" {
		text += ": " + cause
	} else if cause != "" {
		text = cause
	}
	d := &pb.ErrorDetail{
		Kind:         e.Kind.wire(),
		Operation:    CleanText(e.Op, MaxTextBytes),
		Subject:      CleanText(e.Subject, MaxTextBytes),
		Source:       e.Source.wire(),
		ProviderCode: CleanText(e.Code, MaxTextBytes),
		Text:         CleanText(text, MaxTextBytes),
		Hint:         CleanText(e.Hint, MaxTextBytes),
		Scope:        e.Scope.wire(),
		RetryAfterMs: uint64(max(e.RetryAfter, 0).Milliseconds()),
	}
	for _, f := range e.Faults[:min(len(e.Faults), maxFaults)] {
		d.Faults = append(d.Faults, &pb.FieldFault{
			Path: CleanText(f.Path, MaxTextBytes), Have: CleanText(f.Have, MaxTextBytes),
			Want: CleanText(f.Want, MaxTextBytes), Text: CleanText(f.Text, MaxTextBytes),
		})
	}
	return d
}

// FromStatus reads the error of a gRPC call: always an *Error, with every text
// cleaned and bounded; nil for nil.
//
// An error without our detail was made by gRPC or by a plugin that keeps to the
// codes alone. Then what may have had an effect (deadline, connection lost,
// unknown, an answer that was too large) is Uncertain, and a caller that only
// read may take that for Unavailable. The chain of such an error contains
// context.DeadlineExceeded or context.Canceled where that was the reason.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	if s.Code() == codes.OK {
		return nil
	}
	if d := detailOf(s); d != nil {
		return fromDetail(s.Code(), d)
	}
	e := &Error{
		Kind:   kindOfCode(s.Code()),
		Source: SourcePlugin,
		Text:   CleanText(s.Message(), MaxTextBytes),
	}
	switch s.Code() {
	case codes.DeadlineExceeded:
		e.Text, e.Err = "no answer before the deadline", quiet{context.DeadlineExceeded}
	case codes.Canceled:
		e.Text, e.Err = "the call was ended before its answer", quiet{context.Canceled}
	}
	return e
}

// detailOf is the one ErrorDetail of a status. Other details are ignored
// without being decoded.
func detailOf(s *status.Status) *pb.ErrorDetail {
	for _, d := range s.Proto().GetDetails() {
		if !d.MessageIs((*pb.ErrorDetail)(nil)) {
			continue
		}
		var detail pb.ErrorDetail
		if d.UnmarshalTo(&detail) == nil {
			return &detail
		}
	}
	return nil
}

func fromDetail(code codes.Code, d *pb.ErrorDetail) *Error {
	kind, known := kindFromWire(d.GetKind())
	e := &Error{
		Kind:       kind,
		Op:         CleanText(d.GetOperation(), MaxTextBytes),
		Subject:    CleanText(d.GetSubject(), MaxTextBytes),
		Text:       CleanText(d.GetText(), MaxTextBytes),
		Hint:       CleanText(d.GetHint(), MaxTextBytes),
		Source:     sourceFromWire(d.GetSource()),
		Code:       CleanText(d.GetProviderCode(), MaxTextBytes),
		Scope:      scopeFromWire(d.GetScope()),
		RetryAfter: retryAfter(d.GetRetryAfterMs()),
	}
	for _, f := range d.GetFaults()[:min(len(d.GetFaults()), maxFaults)] {
		e.Faults = append(e.Faults, Fault{
			Path: CleanText(f.GetPath(), MaxTextBytes), Have: CleanText(f.GetHave(), MaxTextBytes),
			Want: CleanText(f.GetWant(), MaxTextBytes), Text: CleanText(f.GetText(), MaxTextBytes),
		})
	}
	if !known || (kind.code() != code && !(kind == Denied && code == codes.Unauthenticated)) {
		// A definite refusal must be unmistakable: who contradicts himself has
		// said nothing about what is left at the provider.
		e.Kind, e.Source = Internal, SourcePlugin
		e.Text = CleanText(fmt.Sprintf("the plugin's error is of kind %v with code %v: %s", d.GetKind(), code, e.Text), MaxTextBytes)
	}
	return e
}

func retryAfter(ms uint64) time.Duration {
	return time.Duration(min(ms, uint64(longestRetry/time.Millisecond), math.MaxInt64)) * time.Millisecond
}

// statusOf is the gRPC status of an error, nil if it has none.
func statusOf(err error) *status.Status {
	s, ok := status.FromError(err)
	if !ok {
		return nil
	}
	return s
}
