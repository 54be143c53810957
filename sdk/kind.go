package sdk

import (
	"google.golang.org/grpc/codes"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Kind is the closed set of ways in which a call can end badly. Each has one
// gRPC code, and the broker has one reaction to it.
type Kind string

// The kinds. From a Create, the kinds Invalid, Denied, Conflict, Exhausted and
// Unsupported promise that nothing is left at the provider; after any other the
// broker looks the object up by its key before it goes on.
const (
	Invalid     Kind = "invalid"     // the request is wrong and stays wrong
	Denied      Kind = "denied"      // the credentials do not allow it
	NotFound    Kind = "not_found"   // it is not there; never an error of Delete
	Conflict    Kind = "conflict"    // the key is taken by another request
	Busy        Kind = "busy"        // something else is under way on it; ask again
	Exhausted   Kind = "exhausted"   // no capacity, quota or funds, as Scope says
	Throttled   Kind = "throttled"   // asked too often; RetryAfter says when again
	Unsupported Kind = "unsupported" // this plugin cannot do that
	Unavailable Kind = "unavailable" // not reached, and nothing was changed
	Uncertain   Kind = "uncertain"   // whether something was changed is not known
	Internal    Kind = "internal"    // a defect of the plugin
)

// Source says whose fault an error is.
type Source string

// The sources.
const (
	SourcePlugin   Source = "plugin"
	SourceProvider Source = "provider"
)

// Scope says what was exhausted.
type Scope string

// The scopes.
const (
	ScopeCapacity Scope = "capacity"
	ScopeQuota    Scope = "quota"
	ScopeFunds    Scope = "funds"
)

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return k.wire() != pb.ErrorKind_ERROR_KIND_UNSPECIFIED }

func (k Kind) wire() pb.ErrorKind {
	switch k {
	case Invalid:
		return pb.ErrorKind_ERROR_KIND_INVALID
	case Denied:
		return pb.ErrorKind_ERROR_KIND_DENIED
	case NotFound:
		return pb.ErrorKind_ERROR_KIND_NOT_FOUND
	case Conflict:
		return pb.ErrorKind_ERROR_KIND_CONFLICT
	case Busy:
		return pb.ErrorKind_ERROR_KIND_BUSY
	case Exhausted:
		return pb.ErrorKind_ERROR_KIND_EXHAUSTED
	case Throttled:
		return pb.ErrorKind_ERROR_KIND_THROTTLED
	case Unsupported:
		return pb.ErrorKind_ERROR_KIND_UNSUPPORTED
	case Unavailable:
		return pb.ErrorKind_ERROR_KIND_UNAVAILABLE
	case Uncertain:
		return pb.ErrorKind_ERROR_KIND_UNCERTAIN
	case Internal:
		return pb.ErrorKind_ERROR_KIND_INTERNAL
	}
	return pb.ErrorKind_ERROR_KIND_UNSPECIFIED
}

func kindFromWire(w pb.ErrorKind) (Kind, bool) {
	for _, k := range []Kind{
		Invalid, Denied, NotFound, Conflict, Busy, Exhausted, Throttled,
		Unsupported, Unavailable, Uncertain, Internal,
	} {
		if k.wire() == w {
			return k, true
		}
	}
	return "", false
}

// code is the one gRPC code of a kind.
func (k Kind) code() codes.Code {
	switch k {
	case Invalid:
		return codes.InvalidArgument
	case Denied:
		return codes.PermissionDenied
	case NotFound:
		return codes.NotFound
	case Conflict:
		return codes.AlreadyExists
	case Busy:
		return codes.Aborted
	case Exhausted, Throttled:
		return codes.ResourceExhausted
	case Unsupported:
		return codes.Unimplemented
	case Unavailable:
		return codes.Unavailable
	case Uncertain:
		return codes.Unknown
	}
	return codes.Internal
}

// kindOfCode reads a status that carries no detail of ours: one made by gRPC
// itself or by a plugin that keeps to the codes alone. Where the call may have
// had an effect the answer is Uncertain. That holds for ResourceExhausted too:
// gRPC says so when an answer is too large to be received.
func kindOfCode(c codes.Code) Kind {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange, codes.FailedPrecondition:
		return Invalid
	case codes.PermissionDenied, codes.Unauthenticated:
		return Denied
	case codes.NotFound:
		return NotFound
	case codes.AlreadyExists:
		return Conflict
	case codes.Aborted:
		return Busy
	case codes.Unimplemented:
		return Unsupported
	case codes.Internal, codes.DataLoss:
		return Internal
	}
	return Uncertain
}

func (s Source) wire() pb.ErrorSource {
	switch s {
	case SourcePlugin:
		return pb.ErrorSource_ERROR_SOURCE_PLUGIN
	case SourceProvider:
		return pb.ErrorSource_ERROR_SOURCE_PROVIDER
	}
	return pb.ErrorSource_ERROR_SOURCE_UNSPECIFIED
}

func sourceFromWire(w pb.ErrorSource) Source {
	switch w {
	case pb.ErrorSource_ERROR_SOURCE_PLUGIN:
		return SourcePlugin
	case pb.ErrorSource_ERROR_SOURCE_PROVIDER:
		return SourceProvider
	}
	return ""
}

func (s Scope) wire() pb.ExhaustedScope {
	switch s {
	case ScopeCapacity:
		return pb.ExhaustedScope_EXHAUSTED_SCOPE_CAPACITY
	case ScopeQuota:
		return pb.ExhaustedScope_EXHAUSTED_SCOPE_QUOTA
	case ScopeFunds:
		return pb.ExhaustedScope_EXHAUSTED_SCOPE_FUNDS
	}
	return pb.ExhaustedScope_EXHAUSTED_SCOPE_UNSPECIFIED
}

func scopeFromWire(w pb.ExhaustedScope) Scope {
	switch w {
	case pb.ExhaustedScope_EXHAUSTED_SCOPE_CAPACITY:
		return ScopeCapacity
	case pb.ExhaustedScope_EXHAUSTED_SCOPE_QUOTA:
		return ScopeQuota
	case pb.ExhaustedScope_EXHAUSTED_SCOPE_FUNDS:
		return ScopeFunds
	}
	return ""
}
