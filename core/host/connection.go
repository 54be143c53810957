package host

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

// What one way to a volume may hold.
const (
	maxPortals   = 16
	maxPathBytes = 4096
	maxCHAPBytes = 255
	maxLUN       = 16383
)

// connection checks the way to a volume that a storage plugin answered with. It
// goes on to the machine's provider, into files that have a grammar of their own
// (libvirt's XML, a guest's table of mounts, QEMU's options), so nothing passes
// that could be read there as more than one word. No secret is in the error.
func connection(w *pb.Connection, req core.ExportRequest, accepted []core.ConnectionKind) (core.Connection, error) {
	var f faults
	c := core.Connection{Kind: kindOfPath(w), ReadOnly: w.GetReadOnly()}
	switch {
	case c.Kind == "":
		f.add("connection", "it says no way that this broker knows")
	case !slices.Contains(accepted, c.Kind):
		f.add("connection", "it is by %s: %s was asked for", c.Kind, join(accepted))
	}
	if req.ReadOnly && !c.ReadOnly {
		f.add("read_only", "it lets write: reading was asked for")
	}
	switch path := w.GetPath().(type) {
	case *pb.Connection_File:
		c.File = fileConnection(path.File, req.From, &f)
	case *pb.Connection_Iscsi:
		c.ISCSI = iscsiConnection(path.Iscsi, req.From, &f)
	case *pb.Connection_Nbd:
		c.NBD = nbdConnection(path.Nbd, &f)
	case *pb.Connection_Nfs:
		c.NFS = nfsConnection(path.Nfs, &f)
	case *pb.Connection_Rbd:
		c.RBD = rbdConnection(path.Rbd, &f)
	case *pb.Connection_Native:
		c.Native = &core.NativeConnection{VolumeID: path.Native.GetVolumeId()}
		checkObjectID(path.Native.GetVolumeId(), "", &f)
	}
	if err := f.err("the way to the volume"); err != nil {
		return core.Connection{}, err
	}
	return c, nil
}

func fileConnection(w *pb.FileConnection, from core.Consumer, f *faults) *core.FileConnection {
	if from.Host == "" || w.GetHost() != from.Host {
		f.add("file.host", "%q: the machine's host is %q", cut(w.GetHost(), 64), from.Host)
	}
	switch file := w.GetFile(); {
	case !isPath(file, maxPathBytes):
		f.add("file.file", "%q: want an absolute path without detours or control characters", cut(file, 128))
	case strings.HasPrefix(file, "/proc/") || strings.HasPrefix(file, "/sys/"):
		f.add("file.file", "%q: it is part of the kernel", cut(file, 128))
	}
	if w.GetFormat() == "" || !isFormat(w.GetFormat()) {
		f.add("file.format", "%q: want raw or qcow2", cut(w.GetFormat(), 40))
	}
	return &core.FileConnection{Host: w.GetHost(), File: w.GetFile(), Format: w.GetFormat()}
}

func iscsiConnection(w *pb.IscsiConnection, from core.Consumer, f *faults) *core.ISCSIConnection {
	if n := len(w.GetPortals()); n == 0 || n > maxPortals {
		f.add("iscsi.portals", "%d: want 1 to %d", n, maxPortals)
	}
	for _, portal := range w.GetPortals()[:min(len(w.GetPortals()), maxPortals)] {
		if !isHostPort(portal) {
			f.add("iscsi.portals", "%q: want host:port", cut(portal, 80))
		}
	}
	for _, name := range []struct{ field, value string }{{"target_iqn", w.GetTargetIqn()}, {"initiator_iqn", w.GetInitiatorIqn()}} {
		if !isIQN(name.value) && (name.value != "" || name.field == "target_iqn") {
			f.add("iscsi."+name.field, "%q: want iqn.YYYY-MM.NAME, eui.… or naa.…", cut(name.value, 80))
		}
	}
	if w.GetInitiatorIqn() != "" && from.InitiatorIQN != "" && w.GetInitiatorIqn() != from.InitiatorIQN {
		f.add("iscsi.initiator_iqn", "%q: the machine's host is %q", cut(w.GetInitiatorIqn(), 80), from.InitiatorIQN)
	}
	if w.GetLun() > maxLUN {
		f.add("iscsi.lun", "%d: at most %d", w.GetLun(), maxLUN)
	}
	user, password := w.GetChapUser(), string(w.GetChapPassword())
	if (user == "") != (password == "") {
		f.add("iscsi.chap_user", "a user and a password, or neither")
	}
	if user != "" && !isWord(user, maxCHAPBytes) {
		f.add("iscsi.chap_user", "it is longer than %d bytes, or has others than printable ASCII without spaces", maxCHAPBytes)
	}
	if password != "" && !isWord(password, maxCHAPBytes) {
		f.add("iscsi.chap_password", "it is longer than %d bytes, or has others than printable ASCII without spaces", maxCHAPBytes)
	}
	return &core.ISCSIConnection{
		Portals: slices.Clone(w.GetPortals()), TargetIQN: w.GetTargetIqn(), LUN: w.GetLun(), InitiatorIQN: w.GetInitiatorIqn(),
		CHAPUser: user, CHAPPassword: core.NewSecret(password),
	}
}

func nbdConnection(w *pb.NbdConnection, f *faults) *core.NBDConnection {
	if !isNBD(w.GetUri()) {
		f.add("nbd.uri", "%q: want nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH", cut(w.GetUri(), 128))
	}
	if psk := w.GetTlsPsk(); len(psk) > maxPathBytes {
		f.add("nbd.tls_psk", "%d bytes: at most %d", len(psk), maxPathBytes)
	}
	return &core.NBDConnection{URI: w.GetUri(), TLSPSK: core.NewSecret(string(w.GetTlsPsk()))}
}

// isNBD reports whether a text is an NBD URI that says a place and an export and
// no more: its other parameters name files of the client.
func isNBD(uri string) bool {
	if !isWord(uri, maxPathBytes) {
		return false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Opaque != "" || u.Fragment != "" || u.User != nil || !isPlain(u.Path) {
		return false
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "nbd", "nbds":
		return len(query) == 0 && isHostPort(u.Host)
	case "nbd+unix", "nbds+unix":
		return u.Host == "" && len(query) == 1 && len(query["socket"]) == 1 && isPath(query.Get("socket"), 107)
	}
	return false
}

func nfsConnection(w *pb.NfsConnection, f *faults) *core.NFSConnection {
	if !isHost(w.GetServer()) && !isHostPort(w.GetServer()) {
		f.add("nfs.server", "%q: want host or host:port", cut(w.GetServer(), 80))
	}
	// It stands in a table of mounts, with the server before a colon.
	if !isPath(w.GetExport(), maxPathBytes) || strings.ContainsAny(w.GetExport(), ` "'\,#:`) || !isPlain(w.GetExport()) {
		f.add("nfs.export", "%q: want an absolute path without detours, blanks, quotes or commas", cut(w.GetExport(), 128))
	}
	if !slices.Contains([]string{"", "3", "4", "4.0", "4.1", "4.2"}, w.GetVersion()) {
		f.add("nfs.version", "%q: want 3, 4, 4.0, 4.1 or 4.2", cut(w.GetVersion(), 40))
	}
	return &core.NFSConnection{Server: w.GetServer(), Export: w.GetExport(), Version: w.GetVersion()}
}

func rbdConnection(w *pb.RbdConnection, f *faults) *core.RBDConnection {
	if n := len(w.GetMonitors()); n == 0 || n > maxPortals {
		f.add("rbd.monitors", "%d: want 1 to %d", n, maxPortals)
	}
	for _, monitor := range w.GetMonitors()[:min(len(w.GetMonitors()), maxPortals)] {
		if !isHostPort(monitor) && !isHost(monitor) {
			f.add("rbd.monitors", "%q: want host or host:port", cut(monitor, 80))
		}
	}
	name := regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	for _, part := range []struct {
		field, value string
		needed       bool
	}{{"pool", w.GetPool(), true}, {"namespace", w.GetNamespace(), false}, {"image", w.GetImage(), true}, {"user", w.GetUser(), true}} {
		if !name.MatchString(part.value) && (part.needed || part.value != "") {
			f.add("rbd."+part.field, "%q: want letters, digits, dot, hyphen and underscore, at most 128", cut(part.value, 80))
		}
	}
	if key := string(w.GetKey()); key != "" && !regexp.MustCompile(`^[A-Za-z0-9+/]{16,256}={0,2}$`).MatchString(key) {
		f.add("rbd.key", "it is no key of Ceph's")
	}
	if id := w.GetClusterFsid(); id != "" && !regexp.MustCompile(`^[0-9a-fA-F-]{36}$`).MatchString(id) {
		f.add("rbd.cluster_fsid", "%q: want a UUID", cut(id, 40))
	}
	return &core.RBDConnection{
		Monitors: slices.Clone(w.GetMonitors()), Pool: w.GetPool(), Namespace: w.GetNamespace(), Image: w.GetImage(), User: w.GetUser(),
		Key: core.NewSecret(string(w.GetKey())), ClusterFSID: w.GetClusterFsid(),
	}
}

// isWord reports whether s is printable ASCII without spaces.
func isWord(s string, most int) bool {
	return len(s) <= most && isPlain(s) && !strings.Contains(s, " ")
}

// isPlain reports whether s is printable ASCII.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// isPath reports whether s is an absolute path that printing shows, without
// detours.
func isPath(s string, most int) bool {
	return len(s) <= most && len(s) > 1 && isID(s) && path.IsAbs(s) && path.Clean(s) == s
}

func isIQN(s string) bool {
	return len(s) <= 223 && regexp.MustCompile(`^(iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+(:[A-Za-z0-9._:-]+)?|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})$`).MatchString(s)
}

// isHost reports whether s is an address or a name of the domain name system.
func isHost(s string) bool {
	if addr, err := netip.ParseAddr(s); err == nil {
		return isWord(addr.Zone(), 32)
	}
	return len(s) <= 253 && regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`).MatchString(s)
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !isHost(host) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}
