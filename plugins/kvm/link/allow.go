package link

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// refuse says why no machine on the host is given a file or socket that a
// connection names, and what a person can do about it; empty: it may be. Who
// provides a volume is not trusted with the host: the path must lie below one of
// Dirs. The path alone is looked at here; package chain looks at the file.
func (h *Host) refuse(host, file string) (why, hint string) {
	const set = "volume_dirs of the machine's host, in the settings of its provider, lists the directories that files and sockets of volumes may be in"
	shown := sdk.CleanText(file, 128)
	switch {
	case h.UUID == "":
		return "libvirt knows no UUID of the machine's host, so no file is known to be of it", "set host_uuid in the host's libvirtd.conf; " + set
	case host == "":
		return fmt.Sprintf("%q is of no host: want host %s", shown, h.UUID), "the volume's provider must name the host; " + set
	case !strings.EqualFold(host, h.UUID):
		return fmt.Sprintf("%q is on another host than the machine: on %q, not on %s", shown, sdk.CleanText(host, 64), h.UUID), "attach a volume that is on the machine's host; " + set
	case !ValidPath(file):
		return fmt.Sprintf("%q is no absolute path without detours and control characters", shown), set
	case len(h.Dirs) == 0:
		return fmt.Sprintf("%q: the machine's host has no volume_dirs, so that no file or socket of it is a volume", shown), set
	case !slices.ContainsFunc(h.Dirs, func(dir string) bool { return ValidPath(dir) && strings.HasPrefix(file, dir+"/") }):
		return fmt.Sprintf("%q is not below volume_dirs of the machine's host: %s", shown, strings.Join(h.Dirs, ", ")), set
	}
	return "", ""
}

// ValidPath reports whether a path is absolute, other than /, and without detours
// and control characters.
func ValidPath(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p && p != "/" && plain(p) && len(p) <= 1024
}

// ValidName reports whether a text can be the name of a file.
func ValidName(s string) bool { return s != "" && plain(s) && len(s) <= 1023 }
