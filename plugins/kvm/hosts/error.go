package hosts

import (
	"errors"
	"fmt"

	"libvirt.org/go/libvirt"
)

// Error is a call on a host that did not end well.
type Error struct {
	// Host is the host's name.
	Host string
	// Op is what was being done, such as "define domain".
	Op string
	// Sent is false where the host was never asked: it cannot be reached, or the
	// caller's time was up before. Then nothing has changed there.
	Sent bool
	// Lost is true where the answer did not come: the connection broke, or the
	// caller's time was up. Where Sent too, the effect is not known.
	Lost bool
	// Err is the cause; a libvirt.Error where the host has answered.
	Err error
}

// Error is "host NAME: op: cause".
func (e *Error) Error() string { return fmt.Sprintf("host %s: %s: %s", e.Host, e.Op, Text(e.Err)) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Text is err without libvirt's numbers around its message.
func Text(err error) string {
	if err == nil {
		return ""
	}
	if v, ok := errors.AsType[libvirt.Error](err); ok {
		return v.Message
	}
	return err.Error()
}

// Code is libvirt's error number in err's chain, libvirt.ERR_OK where there is
// none.
func Code(err error) libvirt.ErrorNumber {
	if v, ok := errors.AsType[libvirt.Error](err); ok {
		return v.Code
	}
	return libvirt.ERR_OK
}

// Is reports whether err came from libvirt with one of these numbers.
func Is(err error, codes ...libvirt.ErrorNumber) bool {
	have := Code(err)
	for _, c := range codes {
		if have == c && have != libvirt.ERR_OK {
			return true
		}
	}
	return false
}

// broken reports whether err says that the connection itself is of no more use.
func broken(err error) bool {
	v, ok := errors.AsType[libvirt.Error](err)
	return ok && (v.Domain == libvirt.FROM_RPC || v.Code == libvirt.ERR_INVALID_CONN)
}
