package inventory

import "time"

// Namespace and Prefix are those of the claim in a domain's metadata.
const (
	Namespace = "https://meson.cloud/xmlns/domain/1"
	Prefix    = "meson"
)

// ClaimState tells how far a claim is.
type ClaimState string

// The states.
const (
	// Claimed is defined and not yet looked at again: others count it, its
	// maker may still withdraw.
	Claimed ClaimState = "claimed"
	// Held has passed the second look.
	Held ClaimState = "held"
)

// Claim is what Meson writes into the metadata of a domain that it defines: who
// asked, what the domain is charged for, and what was made for it.
type Claim struct {
	Broker     string `json:"broker"`
	Allocation string `json:"allocation"`
	Key        string `json:"key"`
	Request    string `json:"request"`

	// Name is the user's name for the machine.
	Name string `json:"name,omitempty"`
	// Zone is the host's name among its provider's.
	Zone  string     `json:"zone,omitempty"`
	Shape string     `json:"shape,omitempty"`
	State ClaimState `json:"state"`
	// CreatedAt is by the clock of the broker that made the claim; whole
	// seconds, UTC.
	CreatedAt time.Time `json:"created_at"`

	// Overprovision is the most machines that may share each of Units; at
	// least 1.
	Overprovision int `json:"overprovision"`
	// WholeCores is true where what is counted is cores with all their threads.
	WholeCores bool `json:"whole_cores"`
	// Units are the host threads that the domain is charged for, ascending, at
	// least one. Of a whole core it is all threads.
	Units []int `json:"units"`

	// Image names the image that the boot disk was made from.
	Image string `json:"image,omitempty"`
	// Pool holds the volumes. Empty if nothing was made in one.
	Pool string `json:"pool,omitempty"`
	// DiskMiB is the size of the boot disk, promised whether it is written to
	// or not.
	DiskMiB uint64 `json:"disk_mib,omitempty"`
	// Volumes are the names in Pool of the volumes that were made for the
	// machine and go with it; the first is the boot disk.
	Volumes []string `json:"volumes,omitempty"`
}

// Unsettled reports whether the claim is still to be looked at again by its
// maker, and how old it is.
func (c *Claim) Unsettled(now time.Time) (time.Duration, bool) {
	return now.Sub(c.CreatedAt), c.State != Held
}
