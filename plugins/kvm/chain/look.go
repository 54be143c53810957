package chain

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// maxDepth bounds how many files a disk may be read from.
const maxDepth = 64

// Request is a file that is to become a disk.
type Request struct {
	// Op and Attachment are what errors are about.
	Op, Attachment string
	// Dirs are the directories that it, and all that it stands on, must be below,
	// where links have led.
	Dirs []string
	File link.File
}

// Look gives the files that a file stands on, the nearest first: paths without
// links, formats as recorded. Denied where one of them is not below Dirs, is no
// plain file, says nothing of a format, or keeps its data elsewhere, and where it
// cannot be looked at. Unavailable where one is not there. What it has seen is true
// of that moment.
func Look(r Request) ([]link.Layer, error) {
	dirs := resolved(r.Dirs)
	named, format := r.File.Path, r.File.Format
	var below []link.Layer
	for range maxDepth {
		path, err := r.resolve(named, dirs)
		if err != nil {
			return nil, err
		}
		if named != r.File.Path {
			below = append(below, link.Layer{Path: path, Format: format})
		}
		if format == "raw" {
			return below, r.plain(path)
		}
		h, err := r.read(path)
		if err != nil {
			return nil, err
		}
		if h.backing == "" {
			return below, nil
		}
		if err := r.names(path, h); err != nil {
			return nil, err
		}
		format = h.backingFormat
		// Not cleaned: a step up leads out of where a link has led.
		if named = filepath.Dir(named) + "/" + h.backing; filepath.IsAbs(h.backing) {
			named = h.backing
		}
	}
	return nil, r.denied(fmt.Sprintf("%s stands on more than %d files", shown(r.File.Path), maxDepth), "make the chain shorter: qemu-img rebase")
}

// resolved are directories as they are where links have led. One that is not there
// has nothing below it.
func resolved(dirs []string) []string {
	var out []string
	for _, dir := range dirs {
		if to, err := filepath.EvalSymlinks(dir); err == nil && link.ValidPath(to) {
			out = append(out, to)
		}
	}
	return out
}

// resolve follows links, which must not lead out of the directories.
func (r *Request) resolve(named string, dirs []string) (string, error) {
	path, err := filepath.EvalSymlinks(named)
	if err != nil {
		return "", r.unseen(named, err)
	}
	if !link.ValidPath(path) {
		return "", r.denied(shown(path)+" is no path of a volume", "")
	}
	for _, dir := range dirs {
		if strings.HasPrefix(path, dir+"/") {
			return path, nil
		}
	}
	what := shown(r.File.Path) + " leads to "
	if named != r.File.Path {
		what = shown(r.File.Path) + " stands on "
	}
	return "", r.denied(what+shown(path)+", which is not below volume_dirs of the machine's host: "+strings.Join(r.Dirs, ", "),
		"see who has made that file; where it is right, add its directory to volume_dirs")
}

// plain refuses what is no plain file: a device is the host's.
func (r *Request) plain(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return r.unseen(path, err)
	case !info.Mode().IsRegular():
		return r.denied(shown(path)+" is no plain file", "")
	}
	return nil
}

// read reads the header of an image.
func (r *Request) read(path string) (header, error) {
	if err := r.plain(path); err != nil {
		return header{}, err
	}
	// It may be another one by now: one that would wait for a writer does not.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return header{}, r.unseen(path, err)
	}
	defer f.Close()
	b := make([]byte, headBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return header{}, r.unseen(path, err)
	}
	h, err := parse(b[:n])
	if err != nil {
		return h, r.denied(fmt.Sprintf("%s is recorded as qcow2: %v", shown(path), err), "")
	}
	if h.dataFile {
		return h, r.denied(shown(path)+" keeps its data in another file, which it names itself", "convert it: qemu-img convert -O qcow2")
	}
	return h, nil
}

// names refuses what an image says of the file that it stands on: a name that QEMU
// would read as something else than a path, and a format that would be guessed.
func (r *Request) names(path string, h header) error {
	switch {
	case !link.ValidName(h.backing):
		return r.denied(fmt.Sprintf("%s stands on something with no name that a file can have, %s", shown(path), shown(h.backing)), "")
	case strings.Contains(before(h.backing, "/"), ":"):
		return r.denied(fmt.Sprintf("%s stands on %s, which is no file of a volume", shown(path), shown(h.backing)), "")
	case h.backingFormat == "":
		return r.denied(fmt.Sprintf("%s does not say which format %s is of, and a format is never guessed", shown(path), shown(h.backing)),
			"record it: qemu-img rebase -u -F FORMAT -b FILE")
	case h.backingFormat != "raw" && h.backingFormat != "qcow2":
		return r.denied(fmt.Sprintf("%s stands on %s, of format %s: want raw or qcow2", shown(path), shown(h.backing), shown(h.backingFormat)), "")
	}
	return nil
}

func before(s, sep string) string {
	s, _, _ = strings.Cut(s, sep)
	return s
}

func shown(s string) string { return fmt.Sprintf("%q", sdk.CleanText(s, 256)) }

func (r *Request) denied(text, hint string) error { return r.refusal(sdk.Denied, text, hint) }

func (r *Request) refusal(kind sdk.Kind, text, hint string) error {
	return &sdk.Error{Kind: kind, Op: r.Op, Subject: "attachment " + r.Attachment, Source: sdk.SourceProvider, Text: text, Hint: hint}
}

// unseen is the error about a file that could not be looked at.
func (r *Request) unseen(path string, err error) error {
	why := err.Error()
	if said, ok := errors.AsType[*fs.PathError](err); ok {
		why = said.Err.Error()
	}
	text := fmt.Sprintf("%s: %s", shown(path), why)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r.refusal(sdk.Unavailable, "the volume is not served there: "+text, "")
	case errors.Is(err, fs.ErrPermission):
		return r.denied(text+"; what a file of a volume stands on must be looked at before a machine opens it",
			"let the user who runs Meson read it, or take its directory out of volume_dirs, so that the volume is reached in another way")
	}
	return r.refusal(sdk.Unavailable, text, "")
}
