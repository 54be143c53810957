package spec

import (
	"fmt"
	"io"

	"github.com/mesoncloud/meson/core"
)

// The limits of what is read. Beyond them input is refused before its meaning is
// looked at.
const (
	// MaxSize is the largest spec or volumes file, in bytes.
	MaxSize = 1 << 20
	// maxDepth is how deep lists and objects may nest; no encoding needs more
	// than 4.
	maxDepth = 16
	// maxMarks is how many structural characters (brackets, commas, colons, ends
	// of line) a file may have, and so how many values.
	maxMarks = 1 << 16
	// maxFaults is how many faults are told one by one.
	maxFaults = 100
)

// Options of Parse and ParseVolumes. The zero value is good.
type Options struct {
	// Name is what errors call the source, such as "web.json", as their Subject.
	Name string
	// Sets are overrides in terms of the flat encoding, whatever that of the
	// file, each "path=value": slots=4, misc.os_family=linux, flags=aes,avx2,
	// pci=10de:1bb1:2, volumes=VID,VID. A list replaces that of the file. Of two
	// for the same path the last holds. Secrets cannot be set, since command
	// lines are seen by others. ParseVolumes ignores them.
	Sets []string
	// Volumes are added to those of the spec; one that the spec already has is a
	// fault. ParseVolumes ignores them.
	Volumes []core.VolumeRequest
}

// Read reads a whole source, such as a file or standard input, and refuses one
// above MaxSize without reading on. The error is a *core.Error.
func Read(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, &core.Error{Kind: core.Unavailable, Op: "read", Err: err}
	}
	if len(data) > MaxSize {
		return nil, &core.Error{Kind: core.Invalid, Op: "read", Faults: []core.Fault{tooLarge()}}
	}
	return data, nil
}

// Parse reads a spec in any encoding. Its pledge is normalised: architectures
// canonical, flags in the kernel's names, lists sorted where order means nothing
// and never nil, equal PCI models merged. What the spec does not say is 1 slot,
// whole cores, any sharing, X86_64, 512 MiB, a boot disk of 10 GiB, and else no
// demand. A list or an object may be null, which says nothing; a scalar may not.
//
// The error is a *core.Error of kind Invalid with all faults, in the order of the
// file. The pledge is then empty.
func Parse(data []byte, opts Options) (core.Pledge, error) {
	r := &reader{}
	root := r.decode(data)
	d := draft{Pledge: defaults()}
	if root != nil && r.expectObject(root, "a spec is an object, such as {\"slots\": 2, \"ramsize\": 2048}") {
		enc := r.detect(root)
		walk(r, value{node: root}, enc.fields, &d)
	}
	r.override(opts.Sets, &d)
	p := d.finish()
	p.Volumes = r.appendVolumes(p.Volumes, opts.Volumes)
	if err := r.err("read spec", opts.Name); err != nil {
		return core.Pledge{}, err
	}
	return p, nil
}

// ParseVolumes reads a volumes file: a list of {"vid": …}, or an object with it
// under "volumes". Volumes to be made are read as in a spec. The error is as
// that of Parse.
func ParseVolumes(data []byte, opts Options) ([]core.VolumeRequest, error) {
	r := &reader{}
	var volumes []core.VolumeRequest
	if root := r.decode(data); root != nil {
		v := value{node: root}
		switch root.kind {
		case listNode:
			volumes, _ = volumeList().read(r, v)
		case objectNode:
			walk(r, v, volumesFile(), &volumes)
		default:
			r.mistype(v, `a list such as [{"vid": "…"}]`)
		}
	}
	if err := r.err("read volumes", opts.Name); err != nil {
		return nil, err
	}
	if volumes == nil {
		volumes = []core.VolumeRequest{}
	}
	return volumes, nil
}

// expectObject refuses another root, with a hint where it is a volumes file.
func (r *reader) expectObject(root *node, want string) bool {
	if root.kind == objectNode {
		return true
	}
	v := value{node: root}
	if root.kind == listNode {
		for _, item := range root.items {
			if item.member("vid") != nil {
				r.add(v, core.Fault{
					Have: "a list", Want: want,
					Text: "this is a list of volumes, not a spec: give it with --volumes FILE beside a spec",
				})
				return false
			}
		}
	}
	r.mistype(v, want)
	return false
}

// appendVolumes adds volumes that came beside the spec.
func (r *reader) appendVolumes(have, more []core.VolumeRequest) []core.VolumeRequest {
	seen := make(map[string]bool, len(have))
	for _, v := range have {
		seen[volumeID(v)] = true
	}
	for _, v := range more {
		if id := volumeID(v); seen[id] {
			r.add(value{path: "volumes"}, core.Fault{
				Have: id, Want: "each volume once",
				Text: fmt.Sprintf("%s is in the spec and in the volumes beside it", id),
			})
			continue
		}
		seen[volumeID(v)] = true
		have = append(have, v)
	}
	if len(have) > maxVolumes && len(more) > 0 {
		r.add(value{path: "volumes"}, core.Fault{
			Have: fmt.Sprint(len(have)), Want: fmt.Sprintf("at most %d", maxVolumes),
			Text: fmt.Sprintf("%d volumes with those beside the spec: want at most %d", len(have), maxVolumes),
		})
	}
	return have
}
