package upcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// server is a machine as the API tells of it. A list tells less: no disks and no
// addresses. The SDK's type lacks when it was created, and, in a list, its labels.
type server struct {
	uuid, title, hostname string
	state                 string
	zone, plan            string
	cores, memoryMiB      int
	created               time.Time
	progress              int
	labels                map[string]string
	addresses             []address
	disks                 []disk
	// listed is whether it comes from a list.
	listed bool
}

// address is one of a server's.
type address struct {
	ip, access string
	// network is the UUID of a private one.
	network string
}

// disk is a storage in a slot of a server.
type disk struct {
	storage, title, address string
	// kind is disk or cdrom.
	kind string
}

// The states of a server and the kind of a slot that is no disk.
const (
	stateStarted     = "started"
	stateStopped     = "stopped"
	stateMaintenance = "maintenance"
	stateError       = "error"
	statePending     = "pending_delete"

	kindCDROM = "cdrom"
)

type wireServer struct {
	UUID     string `json:"uuid"`
	Title    string `json:"title"`
	Hostname string `json:"hostname"`
	State    string `json:"state"`
	Zone     string `json:"zone"`
	Plan     string `json:"plan"`
	Cores    whole  `json:"core_number"`
	Memory   whole  `json:"memory_amount"`
	Created  whole  `json:"created"`
	Progress whole  `json:"progress"`
	Labels   struct {
		Label []wireLabel `json:"label"`
	} `json:"labels"`
	Networking struct {
		Interfaces struct {
			Interface []wireInterface `json:"interface"`
		} `json:"interfaces"`
	} `json:"networking"`
	Disks struct {
		Disk []struct {
			Storage string `json:"storage"`
			Title   string `json:"storage_title"`
			Address string `json:"address"`
			Type    string `json:"type"`
		} `json:"storage_device"`
	} `json:"storage_devices"`
}

type wireLabel struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type wireInterface struct {
	Type        string `json:"type"`
	Network     string `json:"network"`
	IPAddresses struct {
		IPAddress []struct {
			Address string `json:"address"`
		} `json:"ip_address"`
	} `json:"ip_addresses"`
}

// decodeServer reads an answer that is one server.
func decodeServer(body []byte) (*server, error) {
	var doc struct {
		Server *wireServer `json:"server"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if doc.Server == nil {
		return nil, errors.New("server: the answer has none")
	}
	return doc.Server.server()
}

// decodeServers reads a list. One server that makes no sense spoils it: what is
// not told of could be one of ours.
func decodeServers(body []byte) ([]*server, error) {
	var doc struct {
		Servers *struct {
			Server []wireServer `json:"server"`
		} `json:"servers"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("list of servers: %w", err)
	}
	if doc.Servers == nil {
		return nil, errors.New("list of servers: the answer has none")
	}
	all := make([]*server, len(doc.Servers.Server))
	for i := range doc.Servers.Server {
		var err error
		if all[i], err = doc.Servers.Server[i].server(); err != nil {
			return nil, fmt.Errorf("list of servers: %d: %w", i+1, err)
		}
		all[i].listed = true
	}
	return all, nil
}

func (w *wireServer) server() (*server, error) {
	if !uuidText.MatchString(w.UUID) || w.State == "" {
		return nil, fmt.Errorf("a server with the UUID %.64q and the state %.64q makes no sense", w.UUID, w.State)
	}
	s := &server{
		uuid: w.UUID, title: w.Title, hostname: w.Hostname, state: w.State, zone: w.Zone, plan: w.Plan, cores: int(w.Cores),
		memoryMiB: int(w.Memory), progress: int(min(max(w.Progress, 0), 100)), labels: make(map[string]string, len(w.Labels.Label)),
	}
	if w.Created > 0 {
		s.created = time.Unix(int64(w.Created), 0).UTC()
	}
	for _, l := range w.Labels.Label {
		s.labels[strings.ToLower(l.Key)] = l.Value
	}
	for _, n := range w.Networking.Interfaces.Interface {
		for _, a := range n.IPAddresses.IPAddress {
			one := address{ip: a.Address, access: n.Type}
			if n.Type == accessPrivate {
				one.network = n.Network
			}
			s.addresses = append(s.addresses, one)
		}
	}
	for _, d := range w.Disks.Disk {
		s.disks = append(s.disks, disk{storage: d.Storage, title: d.Title, address: d.Address, kind: d.Type})
	}
	return s, nil
}

// The kinds of networks.
const (
	accessPublic  = "public"
	accessPrivate = "private"
	accessUtility = "utility"
)

// size is how the offer that the server was made of calls it.
func (s *server) size() string {
	if s.plan == planCustom || s.plan == "" {
		return freeSize(s.cores, s.memoryMiB).name
	}
	return s.plan
}

// planCustom is the plan of a free choice of cores and memory.
const planCustom = "custom"

// older puts servers of one key in an order that everybody finds alike.
func (s *server) older(t *server) bool {
	if c := s.created.Compare(t.created); c != 0 {
		return c < 0
	}
	return s.uuid < t.uuid
}

// strangers are the slots that Create did not fill: volumes of others, CDs. The
// server's own disk is known by its title; if several have it, one is enough.
func (s *server) strangers() []disk {
	title, own := diskTitle(s.own()), false
	var all []disk
	for _, d := range s.disks {
		if d.kind != kindCDROM && d.title == title && !own {
			own = true
			continue
		}
		all = append(all, d)
	}
	return all
}
