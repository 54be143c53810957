package kvm

import (
	"fmt"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk/pb"
)

// checkECC says what is known about the host's memory and who says it, and
// warns where the settings say something else than the host's kernel.
func (at *place) checkECC(h *inventory.Host) *pb.CheckItem {
	item := &pb.CheckItem{Subject: "host " + at.Zone + " ecc", Verdict: pb.CheckItem_VERDICT_OK, Text: h.ECCText()}
	switch {
	case h.ECCFrom == inventory.ECCKernel && at.ECC != inventory.Unknown && at.ECC != h.ECC:
		item.Verdict = pb.CheckItem_VERDICT_WARNING
		item.Text = fmt.Sprintf("the settings say %s, the host's kernel (EDAC) says %s, which counts", at.ECC, h.ECC)
		item.Hint = "correct ecc in the settings, or see to the host's memory"
	case h.ECCFrom == inventory.ECCKernel:
		item.Text += ", the host's kernel says (EDAC)"
	case h.ECC == inventory.Unknown:
		item.Text = "unknown: libvirt does not tell; a strict spec with reqECC gets a no"
		item.Hint = "set ecc to true or false, for all hosts, a group or a host"
	}
	return item
}
