package image

import (
	"fmt"
	"regexp"
	"slices"
)

// Format is how the bytes of a file are to be read. It is always stated.
type Format string

// The formats.
const (
	Raw   Format = "raw"
	QCOW2 Format = "qcow2"
)

// Valid reports whether f is one of the formats.
func (f Format) Valid() bool { return f == Raw || f == QCOW2 }

// DataFile is the name of the active file of a volume that is made here.
const DataFile = "data.img"

// MaxDepth is how many files a chain may have before Engine.Plan shortens it;
// fullDepth is how many it may have at all.
const (
	MaxDepth  = 8
	fullDepth = 2 * MaxDepth
)

// Layout is what a volume's folder holds. The caller keeps it, durably; see the
// package comment.
type Layout struct {
	// File is the active file; empty: DataFile.
	File string `json:"file,omitempty"`
	// Format of the active file.
	Format Format `json:"format"`
	// SizeBytes is the size that the volume has for its user.
	SizeBytes uint64 `json:"size_bytes"`
	// Parent is the layer below the active file; empty: it stands alone.
	Parent string `json:"parent,omitempty"`
	// Layers are the frozen files, in any order.
	Layers []Layer `json:"layers,omitempty"`
}

// Layer is a frozen file, snap-ID.img.
type Layer struct {
	// ID is of [A-Za-z0-9-], 1 to 64 characters.
	ID     string `json:"id"`
	Format Format `json:"format"`
	// Parent is the layer below it; empty: it stands alone.
	Parent string `json:"parent,omitempty"`
	// Snapshot is whether somebody asked for it. The others are there because
	// something stands on them; Engine.Plan gets rid of them.
	Snapshot bool `json:"snapshot,omitempty"`
	// SizeBytes is the size that the volume had.
	SizeBytes uint64 `json:"size_bytes"`
}

// File is the name of the layer's file.
func (l Layer) File() string { return layerFile(l.ID) }

func layerFile(id string) string { return "snap-" + id + ".img" }

// Active is the name of the active file.
func (l Layout) Active() string {
	if l.File == "" {
		return DataFile
	}
	return l.File
}

// Layer is the layer of an id.
func (l Layout) Layer(id string) (Layer, bool) {
	i := slices.IndexFunc(l.Layers, func(x Layer) bool { return x.ID == id })
	if i < 0 {
		return Layer{}, false
	}
	return l.Layers[i], true
}

// Below are the layers from id downwards, id's own first; empty: those below the
// active file, which is Below(l.Parent).
func (l Layout) Below(id string) []Layer {
	var out []Layer
	for id != "" && len(out) <= len(l.Layers) {
		x, ok := l.Layer(id)
		if !ok {
			break
		}
		out = append(out, x)
		id = x.Parent
	}
	return out
}

// FormatAfter is that of the active file after a change that is possible.
func (l Layout) FormatAfter(c Change) Format {
	switch c.Op {
	case OpSnapshot, OpRevert:
		return QCOW2
	case OpConvert:
		return c.Format
	case OpPush:
		if x, ok := l.Layer(c.Layer); ok && c.Child == "" {
			return x.Format
		}
	}
	return l.Format
}

// Depth is how many files are read to read the volume.
func (l Layout) Depth() int { return 1 + len(l.Below(l.Parent)) }

// Long reports whether the volume's chain is one that Engine.Plan shortens.
func (l Layout) Long() bool { return l.Depth() >= MaxDepth }

// Full reports whether the volume's chain must be shortened before OpSnapshot.
func (l Layout) Full() bool { return l.Depth() >= fullDepth }

// Children are the layers that stand on id, and whether the active file does.
func (l Layout) Children(id string) (layers []Layer, active bool) {
	for _, x := range l.Layers {
		if x.Parent == id {
			layers = append(layers, x)
		}
	}
	return layers, l.Parent == id
}

// Forgotten is the layout in which nobody asks for the snapshot id any more. That
// is all there is to deleting a snapshot: once it is recorded, Engine.Plan says
// how the space is won back.
func (l Layout) Forgotten(id string) Layout {
	l.Layers = slices.Clone(l.Layers)
	for i := range l.Layers {
		if l.Layers[i].ID == id {
			l.Layers[i].Snapshot = false
		}
	}
	return l
}

// idForm is of layers and changes: they become file names.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)

// fileForm is of the active file: a name in the folder, never a path.
var fileForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// Check says what is wrong with a layout: unknown formats, layers without a
// parent, two of one name, circles.
func (l Layout) Check() error {
	bad := func(format string, args ...any) error { return invalid("layout", fmt.Sprintf(format, args...)) }
	if !l.Format.Valid() {
		return bad("format %q: want raw or qcow2", l.Format)
	}
	if !fileForm.MatchString(l.Active()) {
		return bad("file %q: want a name in the folder, such as %s", l.File, DataFile)
	}
	if l.Parent != "" && l.Format != QCOW2 {
		return bad("%s is %s and has a parent: only qcow2 can", l.Active(), l.Format)
	}
	seen := map[string]bool{}
	for _, x := range l.Layers {
		switch {
		case !idForm.MatchString(x.ID):
			return bad("layer %q: want an id of letters, digits and hyphens, at most 64", x.ID)
		case seen[x.ID]:
			return bad("layer %s stands there twice", x.ID)
		case x.File() == l.Active():
			return bad("layer %s has the active file's name", x.ID)
		case !x.Format.Valid():
			return bad("layer %s: format %q: want raw or qcow2", x.ID, x.Format)
		case x.Parent != "" && x.Format != QCOW2:
			return bad("layer %s is %s and has a parent: only qcow2 can", x.ID, x.Format)
		}
		seen[x.ID] = true
	}
	for _, from := range append([]string{l.Parent}, ids(l.Layers)...) {
		for steps := 0; from != ""; steps++ {
			x, ok := l.Layer(from)
			if !ok {
				return bad("layer %s is not there", from)
			}
			if steps > len(l.Layers) {
				return bad("layer %s stands on itself", from)
			}
			from = x.Parent
		}
	}
	return nil
}

func ids(layers []Layer) []string {
	out := make([]string, len(layers))
	for i, x := range layers {
		out[i] = x.ID
	}
	return out
}
