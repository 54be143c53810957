package link

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	portISCSI = "3260"
	portNBD   = "10809"
	portNFS   = "2049"
	// maxPassword is more than any target takes.
	maxPassword = 255
)

func (r *reader) file(w *pb.FileConnection) {
	r.link.File = &File{Path: w.GetFile(), Format: w.GetFormat()}
	r.denied, r.hint = r.host.refuse(w.GetHost(), w.GetFile())
	if f := w.GetFormat(); f != "raw" && f != "qcow2" {
		r.wrong("connection.file.format", f, "raw or qcow2", "a format is never guessed")
	}
}

// iqn is the form of names of targets and initiators, without what would need
// escapes anywhere.
var iqn = form{223, regexp.MustCompile(`^(iqn|eui|naa)\.[A-Za-z0-9][A-Za-z0-9.:_-]*$`)}

func (r *reader) iscsi(w *pb.IscsiConnection) {
	s := &ISCSI{
		Target: w.GetTargetIqn(), LUN: w.GetLun(), Initiator: cmp.Or(w.GetInitiatorIqn(), r.host.Initiator),
		User: w.GetChapUser(), Password: sdk.NewSecret(string(w.GetChapPassword())),
	}
	r.link.ISCSI = s
	for i, p := range w.GetPortals() {
		host, port, err := split(p, portISCSI)
		if err != nil {
			r.wrong(fmt.Sprintf("connection.iscsi.portals[%d]", i), p, "HOST:PORT", "that is no portal")
			continue
		}
		s.Portals = append(s.Portals, Portal{host, port})
	}
	if len(w.GetPortals()) == 0 {
		r.wrong("connection.iscsi.portals", "", "HOST:PORT", "no portal")
	}
	if !iqn.matches(s.Target) {
		r.wrong("connection.iscsi.target_iqn", s.Target, "iqn.…", "that is no name of a target")
	}
	if s.Initiator != "" && !iqn.matches(s.Initiator) {
		r.wrong("connection.iscsi.initiator_iqn", s.Initiator, "iqn.…", "that is no name of an initiator")
	}
	if s.LUN > 16383 {
		r.wrong("connection.iscsi.lun", fmt.Sprint(s.LUN), "0 to 16383", "that is no logical unit")
	}
	if (s.User == "") != s.Password.IsZero() {
		r.wrong("connection.iscsi.chap_user", s.User, "a user and a password, or neither", "one of CHAP's user and password is missing")
	}
	if !plain(s.User) || len(s.User) > 128 || len(w.GetChapPassword()) > maxPassword {
		r.wrong("connection.iscsi.chap_user", "", "a user of at most 128 bytes and a password of at most 255", "CHAP's user or password is none that a target takes")
	}
}

func (r *reader) nbd(w *pb.NbdConnection) {
	r.link.NBD = &NBD{}
	const want = "nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH"
	u, err := url.Parse(w.GetUri())
	if err != nil || u.User != nil || u.Opaque != "" || u.Fragment != "" || !plain(u.Path) {
		r.wrong("connection.nbd.uri", "", want, "that is no URI of NBD")
		return
	}
	n := r.link.NBD
	n.Export = strings.TrimPrefix(u.Path, "/")
	switch u.Scheme {
	case "nbd", "nbd+tcp":
		n.Host, n.Port, err = split(u.Host, portNBD)
		if err != nil {
			r.wrong("connection.nbd.uri", w.GetUri(), want, "that names no server")
		}
	case "nbd+unix":
		n.Socket = u.Query().Get("socket")
		if !path.IsAbs(n.Socket) || !plain(n.Socket) || len(n.Socket) > 107 || u.Host != "" {
			r.wrong("connection.nbd.uri", w.GetUri(), want, "that names no socket")
			return
		}
		// A URI names no host: a socket is always the machine's host's.
		r.denied, r.hint = r.host.refuse(r.host.UUID, n.Socket)
	default:
		r.wrong("connection.nbd.uri", w.GetUri(), want, "that is no URI of NBD")
	}
}

var (
	nfsExport  = form{255, regexp.MustCompile(`^/[A-Za-z0-9._/-]*$`)}
	nfsVersion = form{3, regexp.MustCompile(`^4(\.[0-2])?$`)}
)

func (r *reader) nfs(w *pb.NfsConnection) {
	n := &NFS{Export: w.GetExport(), Version: cmp.Or(w.GetVersion(), "4.2")}
	r.link.NFS = n
	var err error
	if n.Host, n.Port, err = split(w.GetServer(), portNFS); err == nil {
		_, err = netip.ParseAddr(n.Host)
	}
	if err != nil {
		r.wrong("connection.nfs.server", w.GetServer(), "ADDRESS:PORT", "a guest is told an address, not a name")
	}
	if !nfsExport.matches(n.Export) {
		r.wrong("connection.nfs.export", n.Export, "/PATH", "that is no export")
	}
	if !nfsVersion.matches(n.Version) {
		r.wrong("connection.nfs.version", n.Version, "4, 4.1 or 4.2", "that is no version of NFS that a guest is told to mount")
	}
	if r.link.Name == "" {
		r.wrong("name", "", "[a-z0-9-]{1,63}", "a volume that is mounted needs a name")
	}
	if r.link.Boot {
		r.wrong("boot", "true", "false", "no machine boots from a volume that is mounted")
	}
}

// split is a host and its port.
func split(s, port string) (string, string, error) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		if strings.Contains(s, ":") && net.ParseIP(strings.Trim(s, "[]")) == nil {
			return "", "", err
		}
		host, p = strings.Trim(s, "[]"), port
	}
	if !hostname.matches(host) && net.ParseIP(host) == nil {
		return "", "", fmt.Errorf("%.64q is no host", host)
	}
	if !portNumber.matches(p) {
		return "", "", fmt.Errorf("%.20q is no port", p)
	}
	return host, p, nil
}

var (
	hostname   = form{253, regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)}
	portNumber = form{5, regexp.MustCompile(`^[1-9][0-9]*$`)}
)

// form is what a text may be, and its length in bytes at most: a count within the
// expression would be compiled to as many copies, at every start of the plugin.
type form struct {
	most int
	re   *regexp.Regexp
}

// matches reports whether the text has the form.
func (f form) matches(text string) bool { return len(text) <= f.most && f.re.MatchString(text) }
