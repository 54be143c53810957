package upcloud

import (
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk/pb"
)

// UpCloud names GPUs by model, a pledge by the ids of PCI. These are what a model
// can be, by the PCI ID Repository (pci-ids.ucw.cz). Where a model has several,
// UpCloud does not say which one it is.
func gpuIDs(model string) []string {
	switch model {
	case "L4":
		return []string{"10de:27b8"}
	case "L40S":
		return []string{"10de:26b9"}
	case "H100":
		// SXM5 80GB, PCIe, NVL.
		return []string{"10de:2330", "10de:2331", "10de:2321"}
	case "B200":
		return []string{"10de:2901"}
	}
	return nil
}

// gpuKind is a model as the table has it: "NVIDIA L40S" and "L40S" are the same.
func gpuKind(model string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.ToUpper(model), "NVIDIA"))
}

// fitsPCI reports whether a plan's GPUs are all the devices that are asked, and
// whether it is certain that they are the very model.
func (p *plan) fitsPCI(asked []*pb.PciRequest) (fits, certain bool) {
	ids, left := gpuIDs(gpuKind(p.gpuModel)), p.gpus
	certain = len(ids) == 1
	for _, a := range asked {
		if !slices.Contains(ids, a.GetVendor()+":"+a.GetModel()) || int(a.GetCount()) > left {
			return false, false
		}
		left -= int(a.GetCount())
	}
	return true, certain
}
