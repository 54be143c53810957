package link

import (
	"strings"
	"testing"
)

// A file's disk names every file that it stands on and where that ends, so that
// nothing is looked for; a disk that stands on others is not the link's any more.
func TestStands(t *testing.T) {
	chain := Link{ID: "a", File: &File{Path: "/vault/data.img", Format: "qcow2", Below: []Layer{{"/vault/snap <1>.img", "qcow2"}, {"/vault/base.img", "raw"}}}}
	alone := Link{ID: "a", File: &File{Path: "/vault/data.img", Format: "qcow2"}}
	raw := Link{ID: "a", File: &File{Path: "/vault/data.img", Format: "raw"}}
	docs := map[*Link]string{}
	for _, l := range []*Link{&chain, &alone, &raw} {
		doc, err := l.Disk(Place{Machine: machine, Target: "vdc"})
		if err != nil {
			t.Fatal(err)
		}
		docs[l] = doc
		if want := len(l.File.Below) + 1; strings.Count(doc, "<backingStore") != want || !strings.Contains(doc, "<backingStore></backingStore>") {
			t.Errorf("want %d files below and the end of them in\n%s", want, doc)
		}
	}
	for made, doc := range docs {
		d := diskOf(t, doc)
		for l := range docs {
			if have := l.Stands(&d); have != (l == made) {
				t.Errorf("%+v and a disk of %+v: %v", l.File, made.File, have)
			}
		}
		back, ok := Record{ID: "a"}.FileLink(&d)
		if back.File = (&File{Path: back.Path(), Format: back.File.Format, Below: made.File.Below}); !ok || !back.Stands(&d) || !back.Is(&d) {
			t.Errorf("%+v is not told of its disk", back.File)
		}
	}
	// As a release made it that left the rest to libvirt.
	old := diskOf(t, "<disk type='file'><driver type='qcow2'/><source file='/vault/data.img'/><serial>a</serial></disk>")
	if !alone.Is(&old) || alone.Stands(&old) {
		t.Error("a disk that does not say where it ends passes for one that does")
	}
	net := Link{ISCSI: &ISCSI{}}
	if !net.Stands(&Disk{}) {
		t.Error("a disk of the network stands on files")
	}
	if _, ok := (Record{}).FileLink(&Disk{Type: "network"}); ok {
		t.Error("a disk of the network is a file")
	}
	if _, ok := (Record{}).FileLink(nil); ok {
		t.Error("no disk is a file")
	}
	// Who reads has open what the volume held, whatever the file's name means now.
	read := raw
	read.ReadOnly = true
	d := diskOf(t, docs[&alone])
	d.ReadOnly = &struct{}{}
	if !read.Is(&d) || raw.Is(&d) || read.Stands(&d) {
		t.Errorf("reads %v, writes %v, stands %v", read.Is(&d), raw.Is(&d), read.Stands(&d))
	}
}
