package sdk

import (
	"context"

	"github.com/mesoncloud/meson/sdk/pb"
)

// EnsureOps is how Ensure finds and makes an object of type T.
type EnsureOps[T any] struct {
	// Find looks the object up by its key; false: it is certainly not there.
	Find func(ctx context.Context) (T, bool, error)
	// Request is the request hash that the object carries.
	Request func(T) string
	// Create makes it, with the owner's labels on it from its first moment. An
	// error of kind Conflict says that the key was taken meanwhile.
	Create func(ctx context.Context) (T, error)
}

// Ensure is the body of a Create that may be repeated: the object that carries
// the owner's key if there is one, else a new one. One with another request
// hash is a Conflict. When somebody else has made it between the two steps, it
// is found again.
//
// Two calls at once are safe only where the provider refuses a second object of
// the same key or where Keys keeps them apart, as the SDK's server does within
// one process.
func Ensure[T any](ctx context.Context, ops EnsureOps[T], owner *pb.Owner) (T, error) {
	var none T
	found, there, err := ops.Find(ctx)
	if err != nil {
		return none, err
	}
	if there {
		return same(found, ops, owner)
	}
	made, err := ops.Create(ctx)
	if KindOf(err) != Conflict {
		return made, err
	}
	found, there, findErr := ops.Find(ctx)
	switch {
	case findErr != nil:
		return none, findErr
	case !there:
		// Something else has the name, and it does not carry our key.
		return none, err
	}
	return same(found, ops, owner)
}

func same[T any](found T, ops EnsureOps[T], owner *pb.Owner) (T, error) {
	if err := SameRequest(ops.Request(found), owner); err != nil {
		var none T
		return none, err
	}
	return found, nil
}

// SameRequest holds the request hash that an object carries against the owner of a
// repeated request; another one is a Conflict.
func SameRequest(have string, owner *pb.Owner) error {
	if have == owner.GetRequest() {
		return nil
	}
	return &Error{
		Kind: Conflict, Source: SourcePlugin, Subject: "key " + quote(owner.GetKey()),
		Text: "the object with this key was made for another request: " + quote(have) + ", not " + quote(owner.GetRequest()),
	}
}
