package upcloud

import (
	"slices"
	"strings"
	"time"
)

// wireServer is a server in a list. Storages, addresses and interfaces are told
// only of a server by itself.
type wireServer struct {
	CoreNumber    string     `json:"core_number"`
	Created       int64      `json:"created"`
	Host          int64      `json:"host,omitempty"`
	Hostname      string     `json:"hostname"`
	Labels        wireLabels `json:"labels"`
	License       int        `json:"license"`
	MemoryAmount  string     `json:"memory_amount"`
	Plan          string     `json:"plan"`
	PlanIPv4Bytes string     `json:"plan_ipv4_bytes"`
	PlanIPv6Bytes string     `json:"plan_ipv6_bytes"`
	Progress      string     `json:"progress,omitempty"`
	ServerGroup   *string    `json:"server_group"`
	SimpleBackup  string     `json:"simple_backup"`
	State         string     `json:"state"`
	Tags          wireTags   `json:"tags"`
	Title         string     `json:"title"`
	UUID          string     `json:"uuid"`
	Zone          string     `json:"zone"`
}

type wireTags struct {
	Tag []string `json:"tag"`
}

// wireServerDetails is a server by itself. Password and user name are told only
// once, to who created it.
type wireServerDetails struct {
	wireServer
	BootOrder            string         `json:"boot_order"`
	Devices              wireGPUs       `json:"devices"`
	Firewall             string         `json:"firewall"`
	IPAddresses          wireAddresses  `json:"ip_addresses"`
	Metadata             string         `json:"metadata"`
	Networking           wireNetworking `json:"networking"`
	NICModel             string         `json:"nic_model"`
	Password             string         `json:"password,omitempty"`
	RemoteAccessEnabled  string         `json:"remote_access_enabled"`
	RemoteAccessHost     string         `json:"remote_access_host,omitempty"`
	RemoteAccessPassword string         `json:"remote_access_password"`
	RemoteAccessPort     string         `json:"remote_access_port,omitempty"`
	RemoteAccessType     string         `json:"remote_access_type"`
	StorageDevices       struct {
		StorageDevice []wireSlot `json:"storage_device"`
	} `json:"storage_devices"`
	Timezone   string `json:"timezone"`
	Username   string `json:"username,omitempty"`
	VideoModel string `json:"video_model"`
}

type wireGPUs struct {
	Device []wireGPU `json:"device"`
}

type wireGPU struct {
	Model  string `json:"model"`
	Serial string `json:"serial"`
	Type   string `json:"type"`
}

// wireSlot is a storage in a server's slot.
type wireSlot struct {
	Address          string  `json:"address"`
	BootDisk         string  `json:"boot_disk"`
	Labels           []label `json:"labels"`
	PartOfPlan       string  `json:"part_of_plan,omitempty"`
	Storage          string  `json:"storage"`
	StorageEncrypted string  `json:"storage_encrypted,omitempty"`
	StorageSize      int     `json:"storage_size"`
	StorageTier      string  `json:"storage_tier,omitempty"`
	StorageTitle     string  `json:"storage_title"`
	Type             string  `json:"type"`
}

func (s *Server) wireServer(m *machine, now time.Time) wireServer {
	w := wireServer{
		CoreNumber: decimal(m.plan.Cores), Created: m.created.Unix(), Hostname: m.hostname, Labels: wireLabels{slices.Clone(m.labels)},
		MemoryAmount: decimal(m.plan.MiB), Plan: m.plan.Name, PlanIPv4Bytes: "0", PlanIPv6Bytes: "0", Progress: s.progress(m, now),
		SimpleBackup: m.simple, State: m.state, Tags: wireTags{[]string{}}, Title: m.title, UUID: m.uuid, Zone: m.zone.ID,
	}
	if w.Labels.Label == nil {
		w.Labels.Label = []label{}
	}
	if m.state != stateStopped {
		w.Host = m.host
	}
	if m.group != "" {
		w.ServerGroup = &m.group
	}
	return w
}

// progress is how far the disks of a new server are, "" once they are there.
func (s *Server) progress(m *machine, now time.Time) string {
	if m.state != stateMaintenance {
		return ""
	}
	for _, uuid := range m.cloning {
		if d := s.storages[uuid]; d != nil && d.state == stateMaintenance {
			return decimal(d.progress(now))
		}
	}
	return ""
}

func (s *Server) serverDetails(m *machine, now time.Time) any {
	return map[string]any{"server": s.wireDetails(m, now)}
}

func (s *Server) wireDetails(m *machine, now time.Time) wireServerDetails {
	w := wireServerDetails{
		wireServer: s.wireServer(m, now), BootOrder: m.bootOrder, Devices: wireGPUs{[]wireGPU{}}, Firewall: m.firewall, Metadata: yesNo(m.metadata),
		Networking: wireNetworking{wireInterfaces{[]wireInterface{}}}, NICModel: m.nicModel, RemoteAccessEnabled: yesNo(m.remote.enabled),
		RemoteAccessPassword: m.remote.password, RemoteAccessType: m.remote.kind, Timezone: m.timezone, VideoModel: m.videoModel,
	}
	if m.remote.enabled {
		w.RemoteAccessHost, w.RemoteAccessPort = m.zone.ID+".vnc.upcloud.com", decimal(m.remote.port)
	}
	for i := range m.plan.GPUs {
		w.Devices.Device = append(w.Devices.Device, wireGPU{m.plan.GPUModel, m.uuid[:8] + "-" + decimal(i), "gpu"})
	}
	for _, a := range s.addressesOf(m) {
		w.IPAddresses.IPAddress = append(w.IPAddresses.IPAddress, wireServerAddress{a.access, a.text, a.family, partOfPlan(a.partOfPlan)})
	}
	if w.IPAddresses.IPAddress == nil {
		w.IPAddresses.IPAddress = []wireServerAddress{}
	}
	for _, n := range m.nics {
		w.Networking.Interfaces.Interface = append(w.Networking.Interfaces.Interface, n.wire())
	}
	w.StorageDevices.StorageDevice = []wireSlot{}
	for _, v := range m.devices {
		one := wireSlot{Address: v.address, BootDisk: v.boot, Labels: []label{}, Storage: v.storage, Type: v.kind}
		if d := s.storages[v.storage]; d != nil {
			one.StorageSize, one.StorageTier, one.StorageTitle, one.PartOfPlan = d.gib, d.tier, d.title, partOfPlan(d.partOfPlan)
			one.StorageEncrypted = yesNo(d.encrypted)
			if !d.public {
				one.Labels = append(one.Labels, d.labels...)
			}
		}
		w.StorageDevices.StorageDevice = append(w.StorageDevices.StorageDevice, one)
	}
	return w
}

func partOfPlan(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

func (s *Server) getServer(c *call) (*reply, error) {
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	return ok(s.serverDetails(m, c.now)), nil
}

func (s *Server) listServers(c *call) (*reply, error) {
	type list struct {
		Servers struct {
			Server []wireServer `json:"server"`
		} `json:"servers"`
	}
	w := list{}
	w.Servers.Server = []wireServer{}
	for _, m := range s.machines {
		found := m.labels
		if c.now.Before(m.listed) {
			found = m.labelled
		}
		if labelled(found, c.query) {
			w.Servers.Server = append(w.Servers.Server, s.wireServer(m, c.now))
		}
	}
	slices.SortFunc(w.Servers.Server, func(a, b wireServer) int { return strings.Compare(a.UUID, b.UUID) })
	return ok(w), nil
}
