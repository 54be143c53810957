package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxEntries is how many names a volume's folder may have.
const maxEntries = 8192

// readVolume reads the volume whose folder d is, at a path relative to the root.
// known is what was read before, or nil: its metadata are not parsed again if their
// file is the same. It never fails: what is wrong is in the faults.
func (v *Vault) readVolume(d *dir, rel string, known *Volume) *Volume {
	vol := &Volume{Vault: v.root.path, VaultID: v.id, Folder: filepath.Join(v.root.path, rel)}
	if vol.ID, _ = idOf(filepath.Base(rel)); vol.ID == "" {
		vol.fault(true, "the folder's name has no id: want <id>.elimg, the id printable and at most %d bytes", maxIDBytes)
	}
	entries, more, err := d.entries(maxEntries)
	if err != nil {
		vol.fault(true, "the folder cannot be read: %v", cause(err))
		return vol
	}
	if more {
		vol.fault(true, "the folder has more than %d names", maxEntries)
	}
	vol.readMeta(d, entries, known)
	for _, e := range entries {
		if vol.private = vol.private || e.Name() == privateName && e.IsDir(); e.Name() == privateName && !e.IsDir() {
			vol.fault(false, "%s is no directory", privateName)
			vol.broken = true
		}
	}
	vol.count(d, entries)
	sound := len(vol.Faults)
	if vol.readData(d, entries); vol.State.Pending != nil {
		// What is there now is not yet what will be.
		if vol.Faults = vol.Faults[:sound]; vol.DataFile == "" {
			vol.DataFile = imageName
		}
	}
	return vol
}

func (v *Volume) fault(unreadable bool, format string, args ...any) {
	v.Faults = append(v.Faults, Fault{Text: fmt.Sprintf(format, args...), Unreadable: unreadable})
}

func (v *Volume) readMeta(d *dir, entries []fs.DirEntry, known *Volume) {
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	switch isNew, isOld := has(metaName), has(oldMetaName); {
	case isNew && isOld:
		v.fault(false, "it has %s and %s: want one of them", metaName, oldMetaName)
		v.metaFile, v.broken = metaName, true
	case isNew:
		v.metaFile = metaName
	case isOld:
		v.metaFile = oldMetaName
	default:
		v.fault(true, "it has neither %s nor %s", metaName, oldMetaName)
		v.broken = true
		return
	}
	if known != nil && known.metaFile == v.metaFile && known.Revision != "" {
		if st, err := d.lstat(v.metaFile); err == nil && stampOf(st) == known.stamp {
			v.take(known.parsed, known.Revision, known.stamp)
			return
		}
	}
	data, st, err := d.read(v.metaFile, maxMetaBytes)
	if err != nil {
		v.fault(true, "%s cannot be read: %v", v.metaFile, cause(err))
		v.broken = true
		return
	}
	sum := sha256.Sum256(data)
	p := parseMeta(data)
	v.take(&p, hex.EncodeToString(sum[:8]), stampOf(st))
}

func (v *Volume) take(p *parsed, revision string, s stamp) {
	v.parsed, v.Revision, v.stamp = p, revision, s
	v.Meta, v.State, v.Found = p.meta, p.state, p.found
	v.Faults = append(v.Faults, p.faults...)
	v.broken = v.broken || p.broken
}

// readData finds the image, or the directory, and what is wrong with it.
func (v *Volume) readData(d *dir, entries []fs.DirEntry) {
	var images []string
	directory := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == dirName && e.IsDir():
			directory = true
		case strings.HasSuffix(name, ".img") && !strings.HasPrefix(name, ".") && !v.isLayer(name):
			images = append(images, name)
		}
	}
	switch {
	case v.Meta.Shareable && directory:
		v.DataFile, v.Directory = dirName, true
		return
	case slices.Contains(images, imageName):
		v.DataFile = imageName
	case len(images) == 1:
		v.DataFile = images[0]
	case len(images) > 1:
		v.fault(true, "it has %d images and none is %s", len(images), imageName)
		return
	case directory:
		v.fault(true, "its data are a directory, but it is not shareable")
		return
	default:
		v.fault(true, "it has no image: want %s, or a single *.img", imageName)
		return
	}
	if v.Meta.Shareable {
		v.fault(false, "it is shareable, but its data are an image, which only one machine could write: want a directory %s", dirName)
	}
	v.readImage(d)
}

// isLayer reports whether a file is a frozen layer, or may be one that pending work
// makes or removes.
func (v *Volume) isLayer(file string) bool {
	return v.State.Pending != nil && strings.HasPrefix(file, "snap-") ||
		slices.ContainsFunc(v.State.Snapshots, func(x Snapshot) bool { return x.File == file })
}

func (v *Volume) readImage(d *dir) {
	st, err := d.lstat(v.DataFile)
	switch kind := kindOf(st); {
	case err != nil:
		v.fault(true, "%s cannot be read: %v", v.DataFile, cause(err))
	case kind != "":
		v.fault(true, "%s is %s: want a file", v.DataFile, kind)
	case st.Nlink > 1:
		v.fault(false, "%s has %d names (hard links): who writes one writes all", v.DataFile, st.Nlink)
	case v.State.Format == Raw && uint64(st.Size) < v.Meta.SizeBytes:
		v.fault(false, "%s has %d bytes, the metadata say %d", v.DataFile, st.Size, v.Meta.SizeBytes)
	}
	for _, x := range v.State.Snapshots {
		if st, err := d.lstat(x.File); err != nil || kindOf(st) != "" {
			v.fault(true, "snapshot %s: %s is not there as a file", x.ID, x.File)
		}
	}
}

// count adds up what the images take.
func (v *Volume) count(d *dir, entries []fs.DirEntry) {
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), ".img") {
			continue
		}
		if st, err := d.lstat(e.Name()); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
			v.UsedBytes += usedBytes(st)
		}
	}
}

// cause is an error without the path, which the message has already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
