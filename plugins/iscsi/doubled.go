package iscsi

import (
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
)

// doubled is what is wrong where several sessions write by one attachment, empty where
// that is not so: tgt lets in whoever has the attachment's password and its initiator's
// name, and does not count. None of them is ended from here, since one is the machine
// that has the volume by right. A session whose machine is gone counts until tgtd has
// noticed that nobody answers its pings.
func doubled(u *vault.Use, peers []string) string {
	if !u.Writable || len(peers) < 2 {
		return ""
	}
	return fmt.Sprintf("%d sessions write by the attachment %s at once, from %s: somebody else has its password and the name of its initiator, such as a copy of the machine. Stop who is not to write, and check what is on the volume",
		len(peers), u.ID, strings.Join(peers, " and "))
}
