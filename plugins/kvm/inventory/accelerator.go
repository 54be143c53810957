package inventory

// Accelerator is how guests of a host run.
type Accelerator struct {
	Kind AcceleratorKind `json:"kind"`
	// Reason says how it came about; for none, why the host can run nobody.
	Reason string `json:"reason"`
}

// AcceleratorKind is kvm, tcg, test or none.
type AcceleratorKind string

// The kinds.
const (
	KVM AcceleratorKind = "kvm"
	TCG AcceleratorKind = "tcg"
	// TestDriver is libvirt's test:// driver, on which nothing runs.
	TestDriver AcceleratorKind = "test"
	// NoAccelerator is a host on which nothing would run as it should.
	NoAccelerator AcceleratorKind = "none"
)

// VirtType is the domain type in libvirt's XML: kvm, qemu for TCG, or
// test; empty for none.
func (k AcceleratorKind) VirtType() string {
	switch k {
	case KVM:
		return "kvm"
	case TCG:
		return "qemu"
	case TestDriver:
		return "test"
	default:
		return ""
	}
}
