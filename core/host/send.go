package host

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// pledgeToPB is a pledge as the contract has it; secrets are not part of it.
func pledgeToPB(p core.Pledge) *pb.Pledge {
	out := &pb.Pledge{
		Slots: uint32(p.Slots), Overprovision: uint32(p.Overprovision), AllowSmt: p.AllowSMT,
		CpuFlags: p.Flags, MinFrequencyMhz: uint32(p.MinFrequencyMHz), MemoryMib: uint64(p.MemoryMiB),
		RequireEcc: p.RequireECC, OsFamily: p.OS.Family, OsFlavour: p.OS.Flavour,
		BootDiskGib: uint64(p.BootDiskGiB), PublicIpv4: p.PublicIPv4, Strict: p.Strict,
		Firmware: p.Firmware, Tpm: p.TPM, Autostart: p.Autostart, Archs: archs(p),
	}
	for _, d := range p.PCI {
		out.Pci = append(out.Pci, &pb.PciRequest{Vendor: d.Vendor, Model: d.Model, Count: uint32(d.Quantity)})
	}
	for _, v := range p.Volumes {
		out.Volumes = append(out.Volumes, &pb.VolumeRequest{
			Vid: v.VID, Name: v.Name, SizeMib: uint64(v.SizeMiB), Bootable: v.Bootable,
			Shareable: v.Shareable, ReadOnly: v.ReadOnly, Volatile: v.Volatile,
		})
	}
	for _, n := range p.Networks {
		out.Networks = append(out.Networks, n.UID)
	}
	return out
}

// archs are the pledge's architectures by their kernel names.
func archs(p core.Pledge) []string {
	out := make([]string, 0, len(p.Archs))
	for _, a := range p.Archs {
		if name := a.Kernel(); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// offerToPB is the offer as its plugin sent it.
func offerToPB(o core.Offer) *pb.Offer {
	out := &pb.Offer{
		Id: o.ID, Region: o.Region, Zone: o.Zone, Shape: o.Shape, Vcpus: uint32(o.VCPUs),
		MemoryMib: uint64(o.MemoryMiB), Arch: o.Arch, Unknown: o.Unknown,
		PriceListRevision: o.ListRevision, ExpiresAt: stamp(o.ExpiresAt), Facts: o.Facts, Token: o.Token,
		QuoteOnly: o.QuoteOnly, Consumer: consumerToPB(o.Consumer),
	}
	for _, q := range o.Quantities {
		out.Quantities = append(out.Quantities, sdk.QuantityToPB(q))
	}
	return out
}

// createToPB is the whole request, with what the guest is told at first boot.
func createToPB(provider string, req core.CreateRequest) *pb.CreateRequest {
	login := req.Pledge.Login
	out := &pb.CreateRequest{
		Provider: provider, Owner: ownerToPB(req.Owner), Name: req.Name,
		Pledge: pledgeToPB(req.Pledge), Offer: offerToPB(req.Offer),
		Login: &pb.Login{
			Hostname: req.Name, Username: login.Username, Password: []byte(login.Password.Reveal()),
			SshKeys: login.SSHKeys, UserData: []byte(req.Pledge.UserData.Reveal()),
		},
	}
	for _, a := range req.Attachments {
		out.Attachments = append(out.Attachments, attachmentToPB(a))
	}
	return out
}

func ownerToPB(o core.Owner) *pb.Owner {
	return &pb.Owner{Broker: o.Broker, Allocation: o.Allocation, Key: o.Key, Request: o.Request}
}

// getToPB names a machine by key or else by id.
func getToPB(provider string, ref core.InstanceRef) *pb.GetRequest {
	req := &pb.GetRequest{Provider: provider, Owner: ownerToPB(ref.Owner), Zone: ref.Zone}
	if ref.Owner.Key == "" {
		req.Id = ref.ID
	}
	return req
}

func powerToPB(a core.PowerAction) (pb.SetPowerRequest_Action, bool) {
	switch a {
	case core.PowerStart:
		return pb.SetPowerRequest_ACTION_START, true
	case core.PowerStop:
		return pb.SetPowerRequest_ACTION_STOP, true
	case core.PowerStopHard:
		return pb.SetPowerRequest_ACTION_STOP_HARD, true
	case core.PowerReboot:
		return pb.SetPowerRequest_ACTION_REBOOT, true
	case core.PowerRebootHard:
		return pb.SetPowerRequest_ACTION_REBOOT_HARD, true
	}
	return pb.SetPowerRequest_ACTION_UNSPECIFIED, false
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
