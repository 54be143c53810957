package vault

import "time"

// Use is one attachment that a volume serves or is about to serve.
type Use struct {
	// ID is the attachment's, [a-z0-9-]{1,20}, never used twice for a volume.
	ID string `json:"id"`
	// Kind is how it is reached: file, iscsi, nbd, nfs or map.
	Kind     string `json:"kind"`
	Writable bool   `json:"writable"`
	// Epoch is given by BeginUse: a new one for who may write, the present one for a
	// reader.
	Epoch uint64 `json:"epoch"`
	// Holder is a broker and, where one is known, a name; a lock of the same holder
	// lets the use pass.
	Holder     string    `json:"holder"`
	Allocation string    `json:"allocation,omitempty"`
	Owner      *Owner    `json:"owner,omitempty"`
	Since      time.Time `json:"since"`
	// Vault is the one in which it began, set by BeginUse; see Copied. Empty in
	// records from before there were any.
	Vault string `json:"vault,omitempty"`
	// IQN is the target's, Initiator who alone may connect, Portals where.
	IQN       string   `json:"iqn,omitempty"`
	Initiator string   `json:"initiator,omitempty"`
	Portals   []string `json:"portals,omitempty"`
	// Socket, Host and Export are those of nbd, file and nfs.
	Socket string `json:"socket,omitempty"`
	Host   string `json:"host,omitempty"`
	Export string `json:"export,omitempty"`
	// Ending is when its end was asked for: it is not served again, and who finds it
	// ends it.
	Ending time.Time `json:"ending,omitzero"`
	// Served is the process by which a writer writes, where one stands between it and
	// the image that keeps some of it to itself until a flush. It is on disk before
	// the writer can reach that process; see Held.Serve.
	Served *Server `json:"served,omitempty"`
	// Lost is when that process was found to have died, and with it, maybe, what was
	// written and not flushed. The use is not served again under its epoch: a later
	// flush would say yes to what is gone. See RenewUse.
	Lost time.Time `json:"lost,omitzero"`
}

// Server is one process of one run of a machine: no other ever has the same three.
type Server struct {
	// Boot is the id of the run of the machine, in which Start counts.
	Boot  string `json:"boot"`
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}
