package sdk

import (
	"fmt"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

func kindToPB(k pricing.Kind) pb.ComponentKind {
	switch k {
	case pricing.KindCompute:
		return pb.ComponentKind_COMPONENT_KIND_COMPUTE
	case pricing.KindMemory:
		return pb.ComponentKind_COMPONENT_KIND_MEMORY
	case pricing.KindAccelerator:
		return pb.ComponentKind_COMPONENT_KIND_ACCELERATOR
	case pricing.KindDisk:
		return pb.ComponentKind_COMPONENT_KIND_DISK
	case pricing.KindAddress:
		return pb.ComponentKind_COMPONENT_KIND_ADDRESS
	case pricing.KindTraffic:
		return pb.ComponentKind_COMPONENT_KIND_TRAFFIC
	case pricing.KindLicence:
		return pb.ComponentKind_COMPONENT_KIND_LICENCE
	case pricing.KindSnapshot:
		return pb.ComponentKind_COMPONENT_KIND_SNAPSHOT
	}
	return pb.ComponentKind_COMPONENT_KIND_UNSPECIFIED
}

func kindFromPB(w pb.ComponentKind) pricing.Kind {
	for _, k := range []pricing.Kind{
		pricing.KindCompute, pricing.KindMemory, pricing.KindAccelerator, pricing.KindDisk,
		pricing.KindAddress, pricing.KindTraffic, pricing.KindLicence, pricing.KindSnapshot,
	} {
		if kindToPB(k) == w {
			return k
		}
	}
	return pricing.Kind(fmt.Sprintf("unknown-%d", w))
}

func unitToPB(u pricing.Unit) pb.Unit {
	switch u {
	case pricing.UnitHour:
		return pb.Unit_UNIT_HOUR
	case pricing.UnitGiBHour:
		return pb.Unit_UNIT_GIB_HOUR
	case pricing.UnitMonth:
		return pb.Unit_UNIT_MONTH
	case pricing.UnitGiBMonth:
		return pb.Unit_UNIT_GIB_MONTH
	case pricing.UnitGiB:
		return pb.Unit_UNIT_GIB
	}
	return pb.Unit_UNIT_UNSPECIFIED
}

func unitFromPB(w pb.Unit) pricing.Unit {
	for _, u := range []pricing.Unit{
		pricing.UnitHour, pricing.UnitGiBHour, pricing.UnitMonth, pricing.UnitGiBMonth, pricing.UnitGiB,
	} {
		if unitToPB(u) == w {
			return u
		}
	}
	return pricing.Unit(fmt.Sprintf("unknown-%d", w))
}

func stoppedToPB(s pricing.Stopped) pb.Billing_Stopped {
	switch s {
	case pricing.StoppedBilled:
		return pb.Billing_STOPPED_BILLED
	case pricing.StoppedFree:
		return pb.Billing_STOPPED_FREE
	case pricing.StoppedUnknown:
	}
	return pb.Billing_STOPPED_UNSPECIFIED
}

func stoppedFromPB(w pb.Billing_Stopped) pricing.Stopped {
	switch w {
	case pb.Billing_STOPPED_BILLED:
		return pricing.StoppedBilled
	case pb.Billing_STOPPED_FREE:
		return pricing.StoppedFree
	case pb.Billing_STOPPED_UNSPECIFIED:
	}
	return pricing.StoppedUnknown
}

func confidenceToPB(c string) pb.Confidence {
	switch c {
	case "low":
		return pb.Confidence_CONFIDENCE_LOW
	case "medium":
		return pb.Confidence_CONFIDENCE_MEDIUM
	case "high":
		return pb.Confidence_CONFIDENCE_HIGH
	}
	return pb.Confidence_CONFIDENCE_UNSPECIFIED
}

func confidenceFromPB(w pb.Confidence) string {
	switch w {
	case pb.Confidence_CONFIDENCE_LOW:
		return "low"
	case pb.Confidence_CONFIDENCE_MEDIUM:
		return "medium"
	case pb.Confidence_CONFIDENCE_HIGH:
		return "high"
	case pb.Confidence_CONFIDENCE_UNSPECIFIED:
	}
	return ""
}
