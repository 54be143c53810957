package share

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"regexp"
	"strings"
)

// Served are the exports that the server was told last, as Export has them, each
// with Kept set; alike is whether it was told them for the address, and with the
// other options, that it has now. It is for the function given to Ensure, which must
// list again what it does not know to be gone: exports of others who use the same
// Dir, and those whose records cannot be read just now.
func (s *Server) Served() (all []Export, alike bool, err error) {
	text, err := os.ReadFile(s.file(configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, s.failed("list exports", err)
	}
	form := regexp.MustCompile(`^EXPORT \{ Export_Id = \d+; Path = "([^"]*)"; Pseudo = "/(` + attachmentID + `)"; .*CLIENT \{ Clients = ([^;]*); .*Access_Type = (R[WO]); \} \}$`)
	rest, alike := strings.CutPrefix(string(text), s.base())
	for line := range strings.Lines(rest) {
		m := form.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		e := Export{Attachment: m[2], Dir: m[1], ReadOnly: m[4] == "RO", Kept: true}
		for _, c := range strings.Split(m[3], ", ") {
			if p, ok := clientOf(c); ok {
				e.Clients = append(e.Clients, p)
			}
		}
		all = append(all, e)
	}
	return all, alike, nil
}

// clientOf undoes client.
func clientOf(text string) (netip.Prefix, bool) {
	if text == "*" {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	return p, err == nil
}
