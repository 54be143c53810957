package upcloud

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk/pb"
)

// threadsPerCore is how many of UpCloud's cores, which are hardware threads, are
// taken to make a whole one. UpCloud does not say whether two of a server are of
// the same.
const threadsPerCore = 2

const (
	// minBootDiskGiB and maxBootDiskGiB bound a boot disk at UpCloud.
	minBootDiskGiB = 10
	maxBootDiskGiB = 4096
)

// ask is a pledge in UpCloud's terms.
type ask struct {
	pledge *pb.Pledge
	// cores that a server must have at least, perSlot of them for each slot.
	cores, perSlot int
	memoryMiB      int
	diskGiB        int
	gpus           []*pb.PciRequest
	ipv4           bool
	networks       []string
	// label is what tells its machines of one plan and disk apart from others.
	label string
	// unknown are the fields about which UpCloud says nothing.
	unknown []string
}

// askOf reads a pledge, and says what about it no server of UpCloud can fulfil.
func (c *Config) askOf(p *pb.Pledge) (*ask, []*pb.Reason) {
	a := &ask{
		pledge: p, perSlot: 1, memoryMiB: int(min(p.GetMemoryMib(), 1<<30)), gpus: p.GetPci(), ipv4: p.GetPublicIpv4(),
		diskGiB: int(min(max(p.GetBootDiskGib(), minBootDiskGiB), 1<<30)),
	}
	if !p.GetAllowSmt() {
		a.perSlot = threadsPerCore
	}
	a.cores = int(p.GetSlots()) * a.perSlot
	if c.PrivateNetwork != "" {
		a.networks = append(a.networks, c.PrivateNetwork)
	}
	n := &noes{ask: a}
	n.machine(p)
	n.networks(p)
	n.unknowns(p)
	if a.ipv4 {
		a.label = "/ipv4"
	}
	for _, uuid := range a.networks {
		a.label += "/" + uuid
	}
	return a, n.reasons
}

// noes gathers what cannot be.
type noes struct {
	ask     *ask
	reasons []*pb.Reason
}

func (n *noes) no(field, want, have, relax, format string, args ...any) {
	n.reasons = append(n.reasons, &pb.Reason{Field: field, Want: want, Have: have, Relax: relax, Text: fmt.Sprintf(format, args...)})
}

func (n *noes) machine(p *pb.Pledge) {
	if archs := p.GetArchs(); len(archs) > 0 && !slices.Contains(archs, "x86_64") {
		n.no("archs", strings.Join(archs, ", "), "x86_64", "archs=X86_64", "UpCloud has x86_64 alone")
	}
	n.volumes(p)
	if p.GetFirmware() == "efi" {
		n.no("firmware", "efi", "bios", "firmware=bios", "the API has no choice of firmware")
	}
	if p.GetTpm() {
		n.no("tpm", "true", "false", "tpm=false", "the API has no TPM")
	}
	if n.ask.diskGiB > maxBootDiskGiB {
		n.no("boot_disk_gib", fmt.Sprint(n.ask.diskGiB), fmt.Sprint(maxBootDiskGiB), fmt.Sprintf("boot_disk_gib=%d", maxBootDiskGiB),
			"%d GiB: the largest disk has %d", n.ask.diskGiB, maxBootDiskGiB)
	}
}

func (n *noes) networks(p *pb.Pledge) {
	for _, uuid := range p.GetNetworks() {
		switch {
		case !uuidText.MatchString(uuid):
			n.no("networks", uuid, "UUIDs of private networks", "networks=[]", "%.64q is no UUID of a private network", uuid)
		case !slices.Contains(n.ask.networks, uuid):
			n.ask.networks = append(n.ask.networks, uuid)
		}
	}
}

// unknowns are what UpCloud does not say of its machines; a strict pledge does
// not take it.
func (n *noes) unknowns(p *pb.Pledge) {
	unknown := func(asked bool, field, want, relax, what string) {
		switch {
		case !asked:
		case p.GetStrict():
			n.no(field, want, "unknown", relax, "UpCloud does not say %s", what)
		default:
			n.ask.unknown = append(n.ask.unknown, field)
		}
	}
	unknown(!p.GetAllowSmt(), "allowSMT", "false", "allowSMT=true", "whether two cores of a server are threads of the same one")
	unknown(p.GetOverprovision() > 0, "overprovision", fmt.Sprint(p.GetOverprovision()), "", "how many servers share a core")
	flags := slices.DeleteFunc(slices.Clone(p.GetCpuFlags()), everyX8664)
	unknown(len(flags) > 0, "flags", strings.Join(flags, ", "), "flags=[]", "whether its processors have "+strings.Join(flags, ", "))
	unknown(p.GetMinFrequencyMhz() > 0, "min_frequency", fmt.Sprintf("%d MHz", p.GetMinFrequencyMhz()), "min_frequency=0", "its base clock")
	unknown(p.GetRequireEcc(), "reqECC", "true", "reqECC=false", "whether its memory corrects errors")
}

// everyX8664 reports whether each processor of the architecture has a flag.
func everyX8664(flag string) bool { return baseline.MatchString(flag) }

var baseline = regexp.MustCompile(`^(fpu|tsc|msr|pae|cx8|cmov|mmx|fxsr|sse|sse2|syscall|nx|lm|clflush|pge|pse|pat|mce|mca|de)$`)
