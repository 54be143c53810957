package kvm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
)

// failed gives the error of a host call its kind. changes says whether the call
// was to change something: then an answer that did not come leaves the outcome
// unknown.
func failed(op string, at *place, err error, changes bool) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e
	}
	e := &sdk.Error{
		Kind: sdk.Internal, Op: op, Subject: "host " + at.Zone, Source: sdk.SourceProvider,
		Text: cause(err),
	}
	if call, ok := errors.AsType[*hosts.Error](err); ok && call.Lost {
		e.Kind = sdk.Unavailable
		if call.Sent && changes {
			e.Kind = sdk.Uncertain
		}
		e.Hint = "see that " + at.URI + " can be reached from here"
		return e
	}
	code := hosts.Code(err)
	if code != libvirt.ERR_OK {
		e.Code = fmt.Sprint(int(code))
		e.Kind = kindOf(code, e.Text, changes)
	} else if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		e.Kind, e.Source = sdk.Unavailable, sdk.SourcePlugin
	}
	if e.Kind == sdk.Exhausted {
		e.Scope = sdk.ScopeCapacity
	}
	return e
}

// cause is what the host said, without what failed adds.
func cause(err error) string {
	if call, ok := errors.AsType[*hosts.Error](err); ok {
		return call.Op + ": " + hosts.Text(call.Err)
	}
	return hosts.Text(err)
}

// kindOf reads libvirt's number, and its text where the number is one for
// everything.
func kindOf(code libvirt.ErrorNumber, text string, changes bool) sdk.Kind {
	if changes && full(text) {
		return sdk.Exhausted
	}
	switch code {
	case libvirt.ERR_NO_DOMAIN, libvirt.ERR_NO_STORAGE_VOL:
		return sdk.NotFound
	case libvirt.ERR_AUTH_FAILED, libvirt.ERR_AUTH_CANCELLED, libvirt.ERR_AUTH_UNAVAILABLE,
		libvirt.ERR_OPERATION_DENIED, libvirt.ERR_ACCESS_DENIED:
		return sdk.Denied
	case libvirt.ERR_NO_CONNECT, libvirt.ERR_INVALID_CONN:
		return sdk.Unavailable
	case libvirt.ERR_NO_MEMORY:
		return sdk.Exhausted
	case libvirt.ERR_OPERATION_TIMEOUT, libvirt.ERR_RESOURCE_BUSY, libvirt.ERR_OPERATION_INVALID:
		return sdk.Busy
	case libvirt.ERR_NO_STORAGE_POOL, libvirt.ERR_NO_NETWORK, libvirt.ERR_CONFIG_UNSUPPORTED,
		libvirt.ERR_NO_SUPPORT, libvirt.ERR_OPERATION_UNSUPPORTED, libvirt.ERR_ARGUMENT_UNSUPPORTED,
		libvirt.ERR_XML_ERROR, libvirt.ERR_CPU_INCOMPATIBLE:
		return sdk.Unsupported
	}
	if changes {
		return sdk.Uncertain
	}
	return sdk.Unavailable
}

// full reports whether a text of QEMU or the kernel says that there is no room.
func full(text string) bool {
	text = strings.ToLower(text)
	for _, clue := range []string{
		"cannot allocate memory", "cannot set up guest memory", "no space left", "disk quota exceeded",
		"cpu affinity", "cpuset", "already in use by", "is in use by", "not enough",
	} {
		if strings.Contains(text, clue) {
			return true
		}
	}
	return false
}

// definite reports whether an error of a Create promises that nothing is left.
func definite(err error) bool {
	switch sdk.KindOf(err) {
	case sdk.Invalid, sdk.Denied, sdk.Conflict, sdk.Exhausted, sdk.Unsupported:
		return true
	}
	return false
}

// refused turns the error of a step that would fail in the same way again into
// a definite refusal, so that the next offer gets its turn; others stay.
func refused(err error) error {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Code == "" || definite(e) {
		return err
	}
	switch e.Kind {
	case sdk.Uncertain, sdk.NotFound, sdk.Internal:
		r := *e
		r.Kind = sdk.Unsupported
		r.Hint = "the host's own log says more: /var/log/libvirt/qemu"
		return &r
	}
	return err
}

// begun is the error of a Create whose claim may be on the host: what would
// otherwise say that nothing was changed, says that the outcome is to be looked
// up.
func begun(err error) error {
	if e, ok := errors.AsType[*sdk.Error](err); ok && e.Kind == sdk.Unavailable {
		r := *e
		r.Kind = sdk.Uncertain
		return &r
	}
	return err
}
