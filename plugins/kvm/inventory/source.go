package inventory

// Source is what libvirt (and, on the plugin's own machine, the kernel) says
// about one host. Every field may be missing; what is then not known is unknown
// in the Host, never guessed.
type Source struct {
	// Name is the host's name among its provider's hosts, the zone of its
	// offers.
	Name string
	// Accelerator is the operator's choice.
	Accelerator AcceleratorSetting

	// Capabilities is virConnectGetCapabilities.
	Capabilities string
	// DomainCapabilities are virConnectGetDomainCapabilities for the host's own
	// architecture and for the ways in which guests may run there by Accelerator.
	DomainCapabilities []string
	// HostCPU is virConnectBaselineCPU of the <cpu> element of Capabilities with
	// VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES: every feature of the processor
	// by name. Without it, features that are part of the processor's model name
	// are not seen, and svm only by a short list of models.
	HostCPU string
	// GuestCPUs are virConnectBaselineHypervisorCPU of the host-model <cpu> of
	// each of those documents, with EXPAND_FEATURES: every feature that a guest can
	// be given.
	GuestCPUs []GuestCPUSource
	// Sysinfo is virConnectGetSysinfo (SMBIOS).
	Sysinfo string
	// NodeDevices are virNodeDeviceGetXMLDesc of the PCI devices, where they matter.
	NodeDevices []string
	Domains     []DomainSource
	// Readings spares reading again the domains that it knows; nil knows none.
	Readings *Readings
	Pools    []PoolSource
	Networks []NetworkSource

	// MemoryTotalMiB and MemoryFreeMiB are those of virNodeGetMemoryStats;
	// nodeinfo's figure differs from it on some kernels. A total of 0 leaves
	// the sum of the NUMA cells in Capabilities.
	MemoryTotalMiB, MemoryFreeMiB uint64
	// EDAC is whether the kernel's memory controllers correct errors, where
	// the plugin runs on the host itself and can look.
	EDAC Tristate
	// ECC is whether the operator states that memory corrects errors. EDAC is
	// believed first.
	ECC Tristate
	// BaseMHz and MaxMHz are what a caller knows about clocks by other means
	// than the XML; 0 is unknown. What they say wins.
	BaseMHz, MaxMHz int
}

// GuestCPUSource is an expanded guest CPU.
type GuestCPUSource struct {
	// VirtType is kvm or qemu.
	VirtType string
	// Arch is libvirt's name, such as x86_64.
	Arch string
	XML  string
}

// DomainSource is one domain. UUID and Name are those that libvirt gives
// without XML, so that a domain whose XML cannot be read is still known.
type DomainSource struct {
	UUID, Name string
	Active     bool
	// XML is virDomainGetXMLDesc. For an active domain it is the live one.
	XML string
	// InactiveXML is the persistent definition of an active domain, empty where
	// the caller does not ask for it. A claim is read from it if XML has none.
	InactiveXML string
}

// PoolSource is one storage pool.
type PoolSource struct {
	Name   string
	Active bool
	XML    string
	// Volumes are virStorageVolGetXMLDesc of volumes in the pool. Only those
	// that claims name are looked at; a claim's volume that is not here is
	// taken not to have been made yet.
	Volumes []string
}

// NetworkSource is one network.
type NetworkSource struct {
	Name   string
	Active bool
	XML    string
}

// AcceleratorSetting is the operator's choice of how guests run.
type AcceleratorSetting string

// The settings. Empty is auto.
const (
	AcceleratorAuto AcceleratorSetting = "auto"
	AcceleratorKVM  AcceleratorSetting = "kvm"
	AcceleratorTCG  AcceleratorSetting = "tcg"
)
