package kvm

import (
	"context"
	"errors"
	"strings"
	"testing"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
)

// Each way in which a host can fail has the kind that the broker needs to know
// what to do next.
func TestFailed(t *testing.T) {
	at := &place{Site: Site{Zone: "kvm1", URI: "qemu:///system"}}
	answer := func(code libvirt.ErrorNumber, text string) error {
		return &hosts.Error{Host: "kvm1", Op: "x", Sent: true, Err: libvirt.Error{Code: code, Message: text}}
	}
	unsent := &hosts.Error{Host: "kvm1", Op: "x", Lost: true, Err: errors.New("refused")}
	lost := &hosts.Error{Host: "kvm1", Op: "x", Sent: true, Lost: true, Err: context.DeadlineExceeded}
	for name, c := range map[string]struct {
		err     error
		changes bool
		want    sdk.Kind
		// start is the kind after refused, where a try would fail again.
		start sdk.Kind
	}{
		"not reached":                {unsent, true, sdk.Unavailable, sdk.Unavailable},
		"no answer to an effect":     {lost, true, sdk.Uncertain, sdk.Uncertain},
		"no answer to a question":    {lost, false, sdk.Unavailable, sdk.Unavailable},
		"no such domain":             {answer(libvirt.ERR_NO_DOMAIN, "no domain"), false, sdk.NotFound, sdk.Unsupported},
		"may not":                    {answer(libvirt.ERR_AUTH_FAILED, "denied"), true, sdk.Denied, sdk.Denied},
		"read only":                  {answer(libvirt.ERR_OPERATION_DENIED, "read only"), true, sdk.Denied, sdk.Denied},
		"busy":                       {answer(libvirt.ERR_OPERATION_TIMEOUT, "cannot acquire state change lock"), true, sdk.Busy, sdk.Busy},
		"no network":                 {answer(libvirt.ERR_NO_NETWORK, "network not found"), true, sdk.Unsupported, sdk.Unsupported},
		"no memory":                  {answer(libvirt.ERR_INTERNAL_ERROR, "cannot set up guest memory 'pc.ram': Cannot allocate memory"), true, sdk.Exhausted, sdk.Exhausted},
		"no disk space":              {answer(libvirt.ERR_SYSTEM_ERROR, "write: No space left on device"), true, sdk.Exhausted, sdk.Exhausted},
		"no such CPU":                {answer(libvirt.ERR_INTERNAL_ERROR, "Failed to set CPU affinity: Invalid argument"), true, sdk.Exhausted, sdk.Exhausted},
		"device taken":               {answer(libvirt.ERR_OPERATION_INVALID, "PCI device 0000:01:00.0 is in use by driver QEMU, domain x"), true, sdk.Exhausted, sdk.Exhausted},
		"lacks a CPU feature":        {answer(libvirt.ERR_CONFIG_UNSUPPORTED, "guest CPU doesn't match: missing features: avx512f"), true, sdk.Unsupported, sdk.Unsupported},
		"QEMU ends":                  {answer(libvirt.ERR_INTERNAL_ERROR, "process exited while connecting to monitor"), true, sdk.Uncertain, sdk.Unsupported},
		"something in a question":    {answer(libvirt.ERR_INTERNAL_ERROR, "?"), false, sdk.Unavailable, sdk.Unavailable},
		"our own error":              {sdk.Errorf(sdk.Conflict, "x"), true, sdk.Conflict, sdk.Conflict},
		"not an answer of anybody's": {errors.New("?"), true, sdk.Internal, sdk.Internal},
	} {
		err := failed("start domain", at, c.err, c.changes)
		if have := sdk.KindOf(err); have != c.want {
			t.Errorf("%s: %s, want %s", name, have, c.want)
		}
		if have := sdk.KindOf(refused(err)); have != c.start {
			t.Errorf("%s, again and again: %s, want %s", name, have, c.start)
		}
		if e, ok := errors.AsType[*sdk.Error](err); ok && e.Kind == sdk.Exhausted && e.Scope != sdk.ScopeCapacity {
			t.Errorf("%s: scope %q", name, e.Scope)
		}
	}
	if err := failed("x", at, nil, true); err != nil {
		t.Error(err)
	}
	if text := failed("start domain", at, unsent, true).Error(); !strings.Contains(text, "kvm1") || !strings.Contains(text, "refused") {
		t.Errorf("%q names neither host nor cause", text)
	}
}

// After a claim has been made, no error says that nothing was changed.
func TestBegun(t *testing.T) {
	for have, want := range map[sdk.Kind]sdk.Kind{
		sdk.Unavailable: sdk.Uncertain, sdk.Uncertain: sdk.Uncertain, sdk.Exhausted: sdk.Exhausted, sdk.Busy: sdk.Busy,
	} {
		if k := sdk.KindOf(begun(sdk.Errorf(have, "x"))); k != want {
			t.Errorf("%s: %s, want %s", have, k, want)
		}
	}
}

func TestNames(t *testing.T) {
	a, b := machineUUID("b1", "k1"), machineUUID("b1", "k2")
	if a == b || a != machineUUID("b1", "k1") || a == machineUUID("b2", "k1") || !isUUID(a) {
		t.Errorf("%s, %s", a, b)
	}
	for id, want := range map[string]bool{a: true, "": false, "x": false, strings.ToUpper(a): false, "{" + a + "}": false, "urn:uuid:" + a: false} {
		if isUUID(id) != want {
			t.Errorf("isUUID(%q) is %v", id, !want)
		}
	}
	for name, want := range map[string]bool{
		diskName(a): true, seedName(a): false, "meson-base-0123456789abcdef.qcow2": false, "meson-.qcow2": false, "web.qcow2": false,
	} {
		if machineDisk(name) != want {
			t.Errorf("machineDisk(%q) is %v", name, !want)
		}
	}
	p1, p2 := password([16]byte{1}), password([16]byte{2})
	if len(p1) != 8 || p1 == p2 {
		t.Errorf("passwords %q, %q", p1, p2)
	}
}
