package link

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// Trouble is what a host's words say about a link that did not come about.
type Trouble struct {
	Kind sdk.Kind
	Text string
	Hint string
	// Attachment is the id of the one that is meant.
	Attachment string
	// Elsewhere is true where another portal may do.
	Elsewhere bool
	// Locked is true where somebody else has the file.
	Locked bool
}

// sign is what QEMU, libiscsi or libvirt say, in lower case, and what it means.
type sign struct {
	clues []string
	Trouble
}

// signs are looked for in their order.
func signs() []sign {
	return []sign{
		{[]string{"authentication failure(513)", "authentication failure (513)"}, Trouble{
			Kind: sdk.Denied, Text: "the target refuses user and password", Hint: "export the volume again: its password is another one",
		}},
		{[]string{"target not found(515)", "authorization failure(514)", "authorization failure (514)", "target not found (515)"}, Trouble{
			Kind: sdk.Denied, Text: "the target does not exist, or does not admit this host's initiator", Elsewhere: true,
			Hint: "export the volume again; initiator_iqn of the host must be what the export was made for",
		}},
		{[]string{"secret not found", "does not have a value", "no secret with matching"}, Trouble{
			Kind: sdk.Unavailable, Text: "the host does not have the volume's password any more: its libvirtd has been started anew",
			Hint: "attach the volume again, then start the machine",
		}},
		{[]string{`failed to get "write" lock`, `failed to get shared "write" lock`, `failed to get "resize" lock`, "is another process using the image", "failed to get shared"}, Trouble{
			Kind: sdk.Busy, Text: "another process has the volume's file open", Locked: true,
		}},
		{[]string{"unknown driver 'iscsi'", "does not accept value 'iscsi'", "unknown protocol 'iscsi'"}, Trouble{
			Kind: sdk.Unsupported, Text: "the host's QEMU has no driver for iSCSI", Hint: "install it on the host; Debian has it in qemu-block-extra",
		}},
		{[]string{"unknown driver 'nbd'", "does not accept value 'nbd'"}, Trouble{
			Kind: sdk.Unsupported, Text: "the host's QEMU has no driver for NBD",
		}},
		{[]string{"no more available pci slots"}, Trouble{
			Kind: sdk.Exhausted, Text: "the machine has no free slot while it runs", Hint: "stop the machine, attach the volume, start it",
		}},
		{[]string{"requested export not available", "logical_unit_not_supported", "cannot access storage file", "cannot access backing file", "could not open"}, Trouble{
			Kind: sdk.Unavailable, Text: "the volume is not served there",
		}},
		{[]string{"failed to connect", "can not reconnect", "connection refused", "no route to host", "timed out", "resolution failed", "network is unreachable", "connection reset"}, Trouble{
			Kind: sdk.Unavailable, Text: "the volume's server cannot be reached from the host", Elsewhere: true,
			Hint: "see that the host is on the storage network and the server runs",
		}},
	}
}

// TroubleOf reads what a host has said about one attachment. False: it says nothing
// that is known.
func TroubleOf(text, attachment string) (Trouble, bool) {
	low := strings.ToLower(text)
	for _, s := range signs() {
		if slices.ContainsFunc(s.clues, func(clue string) bool { return strings.Contains(low, clue) }) {
			t := s.Trouble
			t.Attachment, t.Text = attachment, fmt.Sprintf("attachment %s: %s", attachment, t.Text)
			return t, true
		}
	}
	return Trouble{}, false
}

// StartTrouble reads what a host has said when it could not start a machine. False:
// it is about none of the machine's attachments, as far as can be told.
func StartTrouble(text, machine string, records []Record, disks []Disk) (Trouble, bool) {
	for _, r := range records {
		d := Find(disks, r.ID)
		if d == nil {
			continue
		}
		named := func(s string) bool { return strings.Contains(text, s) }
		if slices.ContainsFunc(append(d.subjects(), SecretUUID(machine, r.ID)), named) {
			return TroubleOf(text, r.ID)
		}
	}
	return Trouble{}, false
}

// subjects are what words about the disk would name.
func (d *Disk) subjects() []string {
	var out []string
	if d.Source.File != "" {
		out = append(out, d.Source.File)
	}
	if d.Source.Protocol == "iscsi" {
		out = append(out, d.Source.Name[:max(strings.LastIndexByte(d.Source.Name, '/'), 0)])
	}
	for _, h := range d.Source.Hosts {
		if d.Source.Protocol != "nbd" {
			break
		}
		if h.Socket != "" {
			out = append(out, h.Socket)
		} else {
			out = append(out, fmt.Sprintf("%q:%q,%q:%q", "host", h.Name, "port", h.Port))
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// Short is the end of what QEMU has said, without the option that it said it of.
func Short(text string) string {
	if i := strings.LastIndex(text, "}: "); i >= 0 {
		text = text[i+len("}: "):]
	}
	if _, rest, ok := strings.Cut(text, "unable to execute QEMU command "); ok {
		if _, said, ok := strings.Cut(rest, ": "); ok {
			text = said
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
