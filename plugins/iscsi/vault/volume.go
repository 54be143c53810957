package vault

import "path/filepath"

// Volume is a volume as it was read from its folder, a copy that nobody changes.
type Volume struct {
	// ID is from the folder's name, an opaque string; empty where the name gives
	// none.
	ID string
	// Vault is the root, VaultID that vault's id, Folder the volume's own folder;
	// both paths are absolute.
	Vault   string
	VaultID string
	Folder  string
	Meta    Meta
	// State is Meson's own part; the zero State where there is none.
	State State
	// Found is true where the metadata have no part of Meson's.
	Found bool
	// Directory is true where the data are a directory, of a shareable volume.
	Directory bool
	// DataFile is the name of the image or directory in Folder, empty without one.
	DataFile string
	// UsedBytes is what the images take on disk; not counted for directories.
	UsedBytes uint64
	// Faults is what is wrong. With any of them the volume is not written.
	Faults []Fault
	// Revision changes with every change of the metadata.
	Revision string

	// broken is whether the metadata cannot be written.
	broken bool
	parsed *parsed
	// private is whether Meson's own folder is there.
	private bool
	// stamp is that of the metadata's file.
	stamp stamp
	// metaFile is its name, empty without one.
	metaFile string
}

// String names the volume for messages.
func (v *Volume) String() string {
	if v.ID == "" {
		return "folder " + v.Folder
	}
	return "volume " + v.ID
}

// Fault is something that is wrong with a volume.
type Fault struct {
	// Text is one clause.
	Text string
	// Unreadable is whether the volume cannot be used for reading either.
	Unreadable bool
}

// Ref names a volume: by ID, and where several folders of a vault have the same, by
// Folder as well.
type Ref struct {
	ID string
	// Folder is absolute, or empty.
	Folder string
}

// Ref names this very folder.
func (v *Volume) Ref() Ref { return Ref{ID: v.ID, Folder: v.Folder} }

// Data is the absolute path of the image, or of the directory.
func (v *Volume) Data() string { return filepath.Join(v.Folder, v.DataFile) }

// Private is the absolute path of Meson's own folder in the volume's: mode 0700,
// removed with the volume, not copied with it. It is there once the volume was used.
// The names lock, wanted, ended, meta.new and those that begin with chap- are this package's.
func (v *Volume) Private() string { return filepath.Join(v.Folder, privateName) }

// Readable reports whether nothing keeps the volume from being read.
func (v *Volume) Readable() bool {
	for _, f := range v.Faults {
		if f.Unreadable {
			return false
		}
	}
	return true
}

// Use is the standing use with an attachment's id, nil without one.
func (v *Volume) Use(id string) *Use {
	for i := range v.State.Uses {
		if v.State.Uses[i].ID == id {
			return &v.State.Uses[i]
		}
	}
	return nil
}

// Snapshot is the snapshot with an id, nil without one.
func (v *Volume) Snapshot(id string) *Snapshot {
	for i := range v.State.Snapshots {
		if v.State.Snapshots[i].ID == id {
			return &v.State.Snapshots[i]
		}
	}
	return nil
}
