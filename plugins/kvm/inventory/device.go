package inventory

// Device is one PCI function.
type Device struct {
	Address Address `json:"address"`
	// Vendor and Model are four lower-case hexadecimal digits.
	Vendor string `json:"vendor"`
	Model  string `json:"model"`
	Name   string `json:"name,omitempty"`
	// Class is six hexadecimal digits: class, subclass, interface.
	Class string `json:"class,omitempty"`
	// IOMMUGroup is -1 where the host reports none; the device cannot then be
	// passed to a guest.
	IOMMUGroup int    `json:"iommu_group"`
	Driver     string `json:"driver,omitempty"`
	NUMANode   int    `json:"numa_node"`
	// HeldBy is the UUID of the domain that has it, running or not.
	HeldBy string `json:"held_by,omitempty"`
}

// Display reports whether the device is a GPU.
func (d Device) Display() bool { return hasClass(d.Class, "03") }

// Audio reports whether it is a sound function, such as a GPU's own.
func (d Device) Audio() bool { return hasClass(d.Class, "0403") }

// Bridge reports whether it is a bridge, which never leaves the host and does
// not count against its IOMMU group.
func (d Device) Bridge() bool { return hasClass(d.Class, "06") }

func hasClass(class, prefix string) bool {
	return len(class) >= len(prefix) && class[:len(prefix)] == prefix
}
