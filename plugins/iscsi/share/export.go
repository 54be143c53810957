package share

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// Export is the way of one attachment to one directory. Several exports may be
// of the same directory.
type Export struct {
	// Attachment is its id, [a-z0-9-]{1,20}, never used twice.
	Attachment string
	// Dir is the directory: absolute, there, and no symbolic link.
	Dir string
	// Clients are the addresses from which it may be mounted: at least one, each a
	// single address or a network. A machine behind NAT comes from its host's.
	Clients []netip.Prefix
	// ReadOnly refuses writes at the server.
	ReadOnly bool
	// Kept is for one that is served already, see Served: whether its directory is
	// there is not asked, as a mount may be missing from here that the server has.
	Kept bool
}

// Path is what a client of an attachment mounts.
func Path(attachment string) string { return "/" + attachment }

// attachmentID is what an id looks like.
const attachmentID = `[a-z0-9-]{1,20}`

// check is why an export cannot be served; nil where it can.
func (e Export) check() error {
	var faults []sdk.Fault
	if !regexp.MustCompile(`^` + attachmentID + `$`).MatchString(e.Attachment) {
		faults = append(faults, sdk.Fault{Path: "attachment", Have: e.Attachment, Want: "1 to 20 of a-z, 0-9 and -"})
	}
	switch {
	case !filepath.IsAbs(e.Dir) || filepath.Clean(e.Dir) != e.Dir:
		faults = append(faults, sdk.Fault{Path: "dir", Have: e.Dir, Want: "an absolute path"})
	case strings.ContainsAny(e.Dir, "\"'\\\n\r\x00"):
		faults = append(faults, sdk.Fault{Path: "dir", Have: e.Dir, Want: "a path without quotes, backslashes and line breaks: the server's configuration has no way to write them"})
	}
	if len(e.Clients) == 0 {
		faults = append(faults, sdk.Fault{Path: "clients", Want: "at least one address or network"})
	}
	for _, c := range e.Clients {
		if !c.IsValid() {
			faults = append(faults, sdk.Fault{Path: "clients", Have: c.String(), Want: "an address or a network"})
		}
	}
	if len(faults) > 0 {
		return &sdk.Error{Kind: sdk.Invalid, Op: "export directory", Subject: "attachment " + e.Attachment, Faults: faults}
	}
	if e.Kept {
		return nil
	}
	info, err := os.Lstat(e.Dir)
	if err == nil && !info.IsDir() {
		return &sdk.Error{Kind: sdk.NotFound, Op: "export directory", Subject: "attachment " + e.Attachment, Text: e.Dir + " is no directory"}
	}
	if err != nil {
		return &sdk.Error{Kind: sdk.NotFound, Op: "export directory", Subject: "attachment " + e.Attachment, Err: err}
	}
	return nil
}
