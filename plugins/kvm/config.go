package kvm

// Config is one provider: a set of libvirt hosts and what they cost. What
// stands at the top holds for every group that does not say otherwise, and what
// a group says for every host in it. One host needs no group: its uri and
// prices stand at the top.
type Config struct {
	URI           string      `json:"uri,omitempty" help:"Libvirt URI of the only host, or of one beside those in groups." example:"qemu:///system"`
	Name          string      `json:"name,omitempty" help:"Name of the host of uri, shown as the zone; by default the hostname in uri, or local." pattern:"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$" example:"kvm1"`
	Region        string      `json:"region,omitempty" help:"Where the hosts are, in the words that users ask by." default:"local" example:"fi-hel"`
	Currency      string      `json:"currency,omitempty" help:"ISO 4217 code of all prices." example:"EUR"`
	CoreHour      string      `json:"core_hour,omitempty" help:"Price of one whole core for one hour; a shared one costs its share." example:"0.012"`
	GiBHour       string      `json:"gib_hour,omitempty" help:"Price of one GiB of memory for one hour." example:"0.002"`
	DiskGiBMonth  string      `json:"disk_gib_month,omitempty" help:"Price of one GiB of disk for one month." example:"0.05"`
	Cost          *CostConfig `json:"cost,omitempty" help:"What each host costs its owner, instead of core_hour and gib_hour."`
	Free          bool        `json:"free,omitempty" help:"Declares that a price that is zero or left out is meant to be zero."`
	Overprovision int         `json:"overprovision,omitempty" help:"How many machines share a core or thread where the user has no preference." default:"2" min:"1" max:"10"`
	Accelerator   string      `json:"accelerator,omitempty" help:"How guests run: auto is kvm where the processor can, and nothing otherwise; tcg is emulation, slow, for tests." enum:"auto,kvm,tcg" default:"auto"`
	Pool          string      `json:"pool,omitempty" help:"Storage pool for disks." default:"default"`
	Network       string      `json:"network,omitempty" help:"Libvirt network that machines are connected to." default:"default"`
	PublicNetwork string      `json:"public_network,omitempty" help:"Libvirt network that gives machines a public address; without it none is offered." example:"public"`
	VNCListen     string      `json:"vnc_listen,omitempty" help:"Private or loopback address of each host that graphical consoles listen on." default:"127.0.0.1" example:"10.0.0.11"`
	// StorageNetworks are matched with those that volumes are exposed on.
	StorageNetworks []string `json:"storage_networks,omitempty" help:"Names of the networks for storage that the hosts are on, in the words of the providers of volumes." example:"storage1"`
	// VolumeDirs keep who provides a volume from naming any file of the host.
	VolumeDirs   []string `json:"volume_dirs,omitempty" help:"Directories of the hosts that files and unix sockets of volumes may be below; without any, no volume is reached by file or socket." example:"/srv/vault"`
	InitiatorIQN string   `json:"initiator_iqn,omitempty" help:"ISCSI name of the host of uri; by default made of the host's UUID." pattern:"^iqn\\.[A-Za-z0-9][A-Za-z0-9.:_-]{0,218}$" example:"iqn.2026-01.dev.meson:kvm1"`
	ReserveCores int      `json:"reserve_cores,omitempty" help:"How many of each host's first cores are never given away." default:"0" min:"0" max:"4096"`
	// ReserveMemoryMiB has a default, unlike ReserveCores: a host whose memory is
	// all sold kills guests, one whose cores are all sold is merely slow.
	ReserveMemoryMiB int64   `json:"reserve_memory_mib,omitempty" help:"How much of each host's memory is never given away." default:"512" min:"0"`
	ECC              *bool   `json:"ecc,omitempty" help:"Whether the hosts' memory corrects errors. It is you who say so: libvirt cannot tell. Left out, it is unknown."`
	Groups           []Group `json:"groups,omitempty" help:"Hosts that have price, place and reserves in common."`
	// RemovedHosts end the wait for machines of hosts that left the settings.
	RemovedHosts []string `json:"removed_hosts,omitempty" help:"Names of hosts that are gone for good: what was on them is taken to be gone too. Of a host that is in no list nothing is claimed." example:"kvm7"`
	MaxImageGiB  int64    `json:"max_image_gib,omitempty" help:"The most that an image may have which is fetched from a url." default:"64" min:"1" max:"65536"`
	Images       []Image  `json:"images,omitempty" help:"What machines boot; the first is taken where the user names no system."`
}

// Group is hosts that have something in common. What is left out is taken from
// the top of the Config.
type Group struct {
	Name             string            `json:"name" help:"Name of the group, part of its SKUs." required:"true" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" example:"rack1"`
	Labels           map[string]string `json:"labels,omitempty" help:"Shown with each offer."`
	Region           string            `json:"region,omitempty" help:"Where the group is."`
	Currency         string            `json:"currency,omitempty" help:"ISO 4217 code of the group's prices; all groups of a provider have the same."`
	CoreHour         string            `json:"core_hour,omitempty" help:"Price of one whole core for one hour."`
	GiBHour          string            `json:"gib_hour,omitempty" help:"Price of one GiB of memory for one hour."`
	DiskGiBMonth     string            `json:"disk_gib_month,omitempty" help:"Price of one GiB of disk for one month."`
	Cost             *CostConfig       `json:"cost,omitempty" help:"What each host of the group costs its owner, instead of core_hour and gib_hour."`
	Free             bool              `json:"free,omitempty" help:"Declares that a price that is zero or left out is meant to be zero."`
	Overprovision    int               `json:"overprovision,omitempty" help:"How many machines share where the user has no preference." min:"0" max:"10"`
	Accelerator      string            `json:"accelerator,omitempty" help:"How guests run." enum:"auto,kvm,tcg"`
	Pool             string            `json:"pool,omitempty" help:"Storage pool for disks."`
	Network          string            `json:"network,omitempty" help:"Libvirt network that machines are connected to."`
	PublicNetwork    string            `json:"public_network,omitempty" help:"Libvirt network that gives machines a public address."`
	StorageNetworks  []string          `json:"storage_networks,omitempty" help:"Names of the networks for storage that the group's hosts are on."`
	VolumeDirs       []string          `json:"volume_dirs,omitempty" help:"Directories of the group's hosts that files and unix sockets of volumes may be below."`
	ReserveCores     *int              `json:"reserve_cores,omitempty" help:"How many of each host's first cores are never given away." min:"0" max:"4096"`
	ReserveMemoryMiB *int64            `json:"reserve_memory_mib,omitempty" help:"How much of each host's memory is never given away." min:"0"`
	ECC              *bool             `json:"ecc,omitempty" help:"Whether the hosts' memory corrects errors."`
	Hosts            []HostConfig      `json:"hosts" help:"The hosts." required:"true"`
}

// HostConfig is one host of a group. What is left out is taken from the group.
type HostConfig struct {
	URI              string   `json:"uri" help:"Libvirt URI: qemu:///system, qemu:///session, qemu+ssh, qemu+tls, qemu+tcp, or test:/// for trying out." required:"true" example:"qemu+ssh://root@kvm1/system"`
	Name             string   `json:"name,omitempty" help:"Name of the host, shown as the zone; by default the hostname in uri, or local." pattern:"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"`
	CoreHour         string   `json:"core_hour,omitempty" help:"Price of one whole core for one hour on this host."`
	GiBHour          string   `json:"gib_hour,omitempty" help:"Price of one GiB of memory for one hour on this host."`
	DiskGiBMonth     string   `json:"disk_gib_month,omitempty" help:"Price of one GiB of disk for one month on this host."`
	Pool             string   `json:"pool,omitempty" help:"Storage pool for disks."`
	Network          string   `json:"network,omitempty" help:"Libvirt network that machines are connected to."`
	PublicNetwork    string   `json:"public_network,omitempty" help:"Libvirt network that gives machines a public address."`
	VNCListen        string   `json:"vnc_listen,omitempty" help:"Private or loopback address of the host that graphical consoles listen on." example:"10.0.0.11"`
	StorageNetworks  []string `json:"storage_networks,omitempty" help:"Names of the networks for storage that the host is on."`
	VolumeDirs       []string `json:"volume_dirs,omitempty" help:"Directories of the host that files and unix sockets of volumes may be below."`
	InitiatorIQN     string   `json:"initiator_iqn,omitempty" help:"ISCSI name of the host; by default made of its UUID." pattern:"^iqn\\.[A-Za-z0-9][A-Za-z0-9.:_-]{0,218}$"`
	ReserveCores     *int     `json:"reserve_cores,omitempty" help:"How many of the first cores are never given away." min:"0" max:"4096"`
	ReserveMemoryMiB *int64   `json:"reserve_memory_mib,omitempty" help:"How much memory is never given away." min:"0"`
	ECC              *bool    `json:"ecc,omitempty" help:"Whether its memory corrects errors."`
}

// Image is what a machine boots. Exactly one of File and URL is set.
type Image struct {
	OSFamily   string `json:"os_family" help:"Family of the system." required:"true" enum:"linux,windows,macos,bsd"`
	OSFlavour  string `json:"os_flavour,omitempty" help:"Its flavour, in the words that users ask by; the family's first image is taken where the user names none." pattern:"^[a-z0-9][a-z0-9._-]{0,62}$" example:"debian12"`
	Arch       string `json:"arch,omitempty" help:"Architecture that the image is for." enum:"x86_64,i686,aarch64,armv7l,ppc64,s390x,riscv64" default:"x86_64"`
	File       string `json:"file,omitempty" help:"Path of the image, where the plugin runs." example:"/srv/images/debian12.qcow2"`
	URL        string `json:"url,omitempty" help:"Where to fetch the image, http or https." example:"https://example.com/debian12.qcow2"`
	SHA256     string `json:"sha256" help:"Checksum of the image's bytes, hexadecimal." required:"true" pattern:"^[0-9a-f]{64}$"`
	Format     string `json:"format,omitempty" help:"Format of the image; it is never guessed." enum:"qcow2,raw" default:"qcow2"`
	MinDiskGiB int64  `json:"min_disk_gib,omitempty" help:"Smallest disk that the image can be put on." min:"0" max:"65536"`
	Firmware   string `json:"firmware,omitempty" help:"What the image boots by." enum:"bios,efi" default:"bios"`
	User       string `json:"user,omitempty" help:"User that the image has for logging in, where the specfile names none." example:"debian"`
}

// Label is family/flavour, for people.
func (i Image) Label() string {
	if i.OSFlavour == "" {
		return i.OSFamily
	}
	return i.OSFamily + "/" + i.OSFlavour
}
