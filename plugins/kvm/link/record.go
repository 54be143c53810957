package link

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Each attachment is recorded in the metadata of its domain by an element in a
// name space of its own, since libvirt replaces what is in one name space as a
// whole: two who attach at the same time never write over each other.
const (
	// Namespace begins the name spaces; the attachment's id ends them.
	Namespace = "https://meson.cloud/xmlns/volume/1/"
	prefix    = "mesonvolume-"
	element   = "volume"
	// maxRecords bounds the attachments that are read of one domain.
	maxRecords = 256
)

// Record is what a domain says of an attachment.
type Record struct {
	ID, Volume, Name string
	Kind             Kind
	Boot, ReadOnly   bool
	// Server and Export are those of a volume that the guest mounts.
	Server, Export string
}

// RecordOf is the record of a link.
func RecordOf(l *Link) Record {
	r := Record{ID: l.ID, Volume: l.Volume, Name: l.Name, Kind: l.Kind(), Boot: l.Boot, ReadOnly: l.ReadOnly}
	if l.NFS != nil {
		r.Server, r.Export = l.NFS.server(), l.NFS.Export
	}
	return r
}

// Space is where libvirt keeps the record: the prefix and the name space that
// virDomainSetMetadata wants.
func Space(id string) (pre, namespace string) { return prefix + id, Namespace + id }

// Element is the record as virDomainSetMetadata wants it.
func (r Record) Element() (string, error) {
	start := xml.StartElement{Name: xml.Name{Local: element}}
	for _, a := range [][2]string{
		{"id", r.ID},
		{"volume", r.Volume},
		{"name", r.Name},
		{"kind", string(r.Kind)},
		{"boot", yes(r.Boot)},
		{"read-only", yes(r.ReadOnly)},
		{"server", r.Server},
		{"export", r.Export},
	} {
		if a[1] != "" {
			start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: a[0]}, Value: a[1]})
		}
	}
	var out strings.Builder
	enc := xml.NewEncoder(&out)
	for _, t := range []xml.Token{start, start.End()} {
		if err := enc.EncodeToken(t); err != nil {
			return "", fmt.Errorf("record of attachment %s: %w", r.ID, err)
		}
	}
	if err := enc.Flush(); err != nil {
		return "", fmt.Errorf("record of attachment %s: %w", r.ID, err)
	}
	return out.String(), nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// Records reads those in the content of a domain's <metadata>. What is not
// Meson's is passed over, and so is a record whose name space is not of its id.
func Records(metadata string) ([]Record, error) {
	if !strings.Contains(metadata, Namespace) {
		return nil, nil
	}
	var out []Record
	dec := xml.NewDecoder(strings.NewReader(metadata))
	for len(out) < maxRecords {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != element {
			continue
		}
		id, ours := strings.CutPrefix(start.Name.Space, Namespace)
		if r := recordOf(start.Attr); ours && r.ID == id {
			out = append(out, r)
		}
	}
	return out, nil
}

func recordOf(attrs []xml.Attr) Record {
	var r Record
	for _, a := range attrs {
		switch a.Name.Local {
		case "id":
			r.ID = a.Value
		case "volume":
			r.Volume = a.Value
		case "name":
			r.Name = a.Value
		case "kind":
			r.Kind = Kind(a.Value)
		case "boot":
			r.Boot = a.Value == "yes"
		case "read-only":
			r.ReadOnly = a.Value == "yes"
		case "server":
			r.Server = a.Value
		case "export":
			r.Export = a.Value
		}
	}
	return r
}

// Attachment is the record in the words of the contract, with the way that its
// disk goes where the domain has it.
func (r Record) Attachment(disks []Disk) *pb.Attachment {
	a := &pb.Attachment{Id: r.ID, VolumeId: r.Volume, Name: r.Name, Boot: r.Boot}
	if d := Find(disks, r.ID); d != nil {
		a.Connection = d.connection()
	}
	if a.Connection != nil {
		return a
	}
	a.Connection = &pb.Connection{ReadOnly: r.ReadOnly}
	switch r.Kind {
	case KindFile:
		a.Connection.Path = &pb.Connection_File{File: &pb.FileConnection{}}
	case KindISCSI:
		a.Connection.Path = &pb.Connection_Iscsi{Iscsi: &pb.IscsiConnection{}}
	case KindNBD:
		a.Connection.Path = &pb.Connection_Nbd{Nbd: &pb.NbdConnection{}}
	case KindNFS:
		a.Connection.Path = &pb.Connection_Nfs{Nfs: &pb.NfsConnection{Server: r.Server, Export: r.Export}}
	}
	return a
}
