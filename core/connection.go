package core

import (
	"fmt"
	"slices"
	"strings"
)

// ConnectionKind is a way to reach a volume.
type ConnectionKind string

// The kinds; see Connection.
const (
	ConnectFile   ConnectionKind = "file"
	ConnectISCSI  ConnectionKind = "iscsi"
	ConnectNBD    ConnectionKind = "nbd"
	ConnectNFS    ConnectionKind = "nfs"
	ConnectRBD    ConnectionKind = "rbd"
	ConnectNative ConnectionKind = "native"
)

// Exposure is a way in which a volume can be reached, and from where: what is
// empty restricts nothing. A lower Rank is faster.
type Exposure struct {
	Kind     ConnectionKind `json:"kind"`
	Host     string         `json:"host,omitempty"`
	Network  string         `json:"network,omitempty"`
	Provider string         `json:"provider,omitempty"`
	Zone     string         `json:"zone,omitempty"`
	Text     string         `json:"text,omitempty"`
	Rank     int            `json:"rank,omitempty"`
}

// Consumer is who would reach a volume: a machine, seen from its host.
type Consumer struct {
	Kinds        []ConnectionKind `json:"kinds"`
	Host         string           `json:"host,omitempty"`
	Networks     []string         `json:"networks,omitempty"`
	InitiatorIQN string           `json:"initiator_iqn,omitempty"`
	Provider     string           `json:"provider,omitempty"`
	Zone         string           `json:"zone,omitempty"`
	// GuestMounts means that the guest mounts what its user data says: without it
	// there is no NFS.
	GuestMounts bool `json:"guest_mounts,omitempty"`
}

// Reach is the fastest of the exposures by which the consumer reaches the
// volume, or why none of them is one. It is pure.
func (c Consumer) Reach(exposures []Exposure) (Exposure, error) {
	var best *Exposure
	var why []string
	for i := range exposures {
		e := &exposures[i]
		if no := c.refuses(*e); no != "" {
			why = append(why, no)
			continue
		}
		if best == nil || e.Rank < best.Rank {
			best = e
		}
	}
	if best != nil {
		return *best, nil
	}
	if len(exposures) == 0 {
		why = []string{"its provider exports it in no way"}
	}
	slices.Sort(why)
	return Exposure{}, fmt.Errorf("it cannot be reached: %s", strings.Join(slices.Compact(why), "; "))
}

// refuses is why the consumer cannot use an exposure; empty: it can.
func (c Consumer) refuses(e Exposure) string {
	switch {
	case !slices.Contains(c.Kinds, e.Kind):
		return fmt.Sprintf("the machine cannot use %s", e.Kind)
	case e.Kind == ConnectNFS && !c.GuestMounts:
		return "nfs needs a guest that reads user data"
	case e.Host != "" && e.Host != c.Host:
		return fmt.Sprintf("by %s only from host %s", e.Kind, e.Host)
	case e.Network != "" && !slices.Contains(c.Networks, e.Network):
		return fmt.Sprintf("by %s only on storage network %s", e.Kind, e.Network)
	case e.Provider != "" && e.Provider != c.Provider:
		return fmt.Sprintf("only machines of %s", e.Provider)
	case e.Zone != "" && e.Zone != c.Zone:
		return fmt.Sprintf("only machines in zone %s", e.Zone)
	}
	return ""
}

// Connection says how a machine reaches a volume: the field of its Kind is set.
// Its secrets are for one attachment alone and are never stored by a broker.
type Connection struct {
	Kind     ConnectionKind    `json:"kind"`
	ReadOnly bool              `json:"read_only,omitempty"`
	File     *FileConnection   `json:"file,omitempty"`
	ISCSI    *ISCSIConnection  `json:"iscsi,omitempty"`
	NBD      *NBDConnection    `json:"nbd,omitempty"`
	NFS      *NFSConnection    `json:"nfs,omitempty"`
	RBD      *RBDConnection    `json:"rbd,omitempty"`
	Native   *NativeConnection `json:"native,omitempty"`
}

// FileConnection is a file on the machine's own host; Format is raw or qcow2.
type FileConnection struct {
	Host   string `json:"host"`
	File   string `json:"file"`
	Format string `json:"format"`
}

// ISCSIConnection is one LUN of one target. Portals are host:port.
type ISCSIConnection struct {
	Portals      []string `json:"portals"`
	TargetIQN    string   `json:"target_iqn"`
	LUN          uint32   `json:"lun"`
	InitiatorIQN string   `json:"initiator_iqn"`
	CHAPUser     string   `json:"chap_user"`
	CHAPPassword Secret   `json:"chap_password,omitzero"`
}

// NBDConnection is an export by URI: nbd://host:port/export, or
// nbd+unix:///export?socket=PATH.
type NBDConnection struct {
	URI    string `json:"uri"`
	TLSPSK Secret `json:"tls_psk,omitzero"`
}

// NFSConnection is a directory to mount.
type NFSConnection struct {
	Server  string `json:"server"`
	Export  string `json:"export"`
	Version string `json:"version"`
}

// RBDConnection is an image in a Ceph pool.
type RBDConnection struct {
	Monitors    []string `json:"monitors"`
	Pool        string   `json:"pool"`
	Namespace   string   `json:"namespace,omitempty"`
	Image       string   `json:"image"`
	User        string   `json:"user"`
	Key         Secret   `json:"key,omitzero"`
	ClusterFSID string   `json:"cluster_fsid,omitempty"`
}

// NativeConnection is a volume of the machine's own provider.
type NativeConnection struct {
	VolumeID string `json:"vid"`
}

// Attachment is a volume on a machine and the way to it.
type Attachment struct {
	// ID is [a-z0-9-]{1,20}, never used twice, and the disk's serial.
	ID       string `json:"id"`
	VolumeID string `json:"vid"`
	// Name is the volume's; a guest mounts a shared one at /mnt/NAME.
	Name string `json:"name,omitempty"`
	// Boot means that the machine boots from it and has no disk of an image.
	Boot       bool       `json:"boot,omitempty"`
	Connection Connection `json:"connection"`
}
