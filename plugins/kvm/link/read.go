package link

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Host is what of a machine's host a connection must fit.
type Host struct {
	// UUID is libvirt's of the host; empty: not known.
	UUID string
	// Initiator is the name that its QEMU gives where the connection names none.
	Initiator string
	// Dirs are the directories that files and sockets of volumes may be below;
	// none: no file and no socket of the host is taken.
	Dirs []string
}

// ReadAll understands the attachments of a machine that is to be made. Its errors
// are definite, and name every fault at once.
func ReadAll(op string, all []*pb.Attachment, host Host) ([]Link, error) {
	var out []Link
	var faults []sdk.Fault
	boots, names := "", map[string]bool{}
	for i, a := range all {
		at := fmt.Sprintf("attachments[%d]", i)
		l, found, err := read(op, at, a, host)
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
		if l.Boot && boots != "" {
			faults = append(faults, sdk.Fault{Path: at + ".boot", Have: "true", Want: "false", Text: "the machine boots from attachment " + boots + " already"})
		}
		if l.Boot {
			boots = l.ID
		}
		if l.NFS != nil && names[l.Name] {
			faults = append(faults, sdk.Fault{Path: at + ".name", Have: l.Name, Want: "a name of its own", Text: "two volumes would be mounted at /mnt/" + l.Name})
		}
		names[l.Name] = true
		out = append(out, l)
	}
	return out, sdk.InvalidFaults(op, faults)
}

// Read understands one attachment.
func Read(op string, a *pb.Attachment, host Host) (Link, error) {
	l, faults, err := read(op, "attachment", a, host)
	if err != nil {
		return Link{}, err
	}
	return l, sdk.InvalidFaults(op, faults)
}

// reader collects what is wrong with one attachment.
type reader struct {
	path   string
	host   Host
	link   Link
	faults []sdk.Fault
	// denied and hint say why a path of the host is not taken.
	denied, hint string
}

func (r *reader) wrong(field, have, want, format string, args ...any) {
	r.faults = append(r.faults, sdk.Fault{
		Path: r.path + "." + field, Have: sdk.CleanText(have, 64), Want: want, Text: fmt.Sprintf(format, args...),
	})
}

func read(op, at string, a *pb.Attachment, host Host) (Link, []sdk.Fault, error) {
	c := a.GetConnection()
	r := reader{path: at, host: host, link: Link{
		ID: a.GetId(), Volume: a.GetVolumeId(), Name: a.GetName(), Boot: a.GetBoot(), ReadOnly: c.GetReadOnly(),
	}}
	if !sdk.ValidLabel(r.link.ID) || len(r.link.ID) > 20 {
		r.wrong("id", r.link.ID, "[a-z0-9-]{1,20}", "an attachment's id is 1 to 20 of a-z, 0-9 and -")
	}
	if r.link.Name != "" && !sdk.ValidLabel(r.link.Name) {
		r.wrong("name", r.link.Name, "[a-z0-9-]{1,63}", "a volume's name is 1 to 63 of a-z, 0-9 and -")
	}
	refused := func(kind sdk.Kind, what, hint string) (Link, []sdk.Fault, error) {
		return Link{}, nil, &sdk.Error{
			Kind: kind, Op: op, Subject: "attachment " + r.link.ID, Source: sdk.SourcePlugin, Text: what, Hint: hint,
		}
	}
	no := func(what, hint string) (Link, []sdk.Fault, error) { return refused(sdk.Unsupported, what, hint) }
	switch way := c.GetPath().(type) {
	case *pb.Connection_File:
		r.file(way.File)
	case *pb.Connection_Iscsi:
		r.iscsi(way.Iscsi)
	case *pb.Connection_Nbd:
		if len(way.Nbd.GetTlsPsk()) > 0 || strings.HasPrefix(way.Nbd.GetUri(), "nbds") {
			return no("machines of this plugin do not speak NBD over TLS", "serve the volume over iscsi, or over NBD within a network of its own")
		}
		r.nbd(way.Nbd)
	case *pb.Connection_Nfs:
		r.nfs(way.Nfs)
	case *pb.Connection_Rbd:
		return no("machines of this plugin do not reach volumes of Ceph yet", "")
	case *pb.Connection_Native:
		return no("the volume can be attached to machines of its own provider alone", "choose a volume that is reached by file, iscsi, nbd or nfs")
	default:
		return no("the way to the volume is none that this plugin knows", "")
	}
	if r.denied != "" {
		return refused(sdk.Denied, r.denied, r.hint)
	}
	return r.link, r.faults, nil
}

// plain reports whether a text has nothing that XML, a log or a shell would stumble
// over.
func plain(s string) bool {
	return !slices.ContainsFunc([]rune(s), func(r rune) bool { return unicode.IsControl(r) || r == '\ufffd' })
}
