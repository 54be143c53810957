package mapping

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// backend is what a daemon is told of a volume, in the words of QMP.
type backend struct {
	// Objects are made first. They hold the secrets.
	Objects []map[string]any
	// Node is the block device.
	Node map[string]any
	// Files are written to the mapping's directory before, mode 0600.
	Files map[string][]byte
}

const nodeName = "volume"

// newBackend is pure. dir is the mapping's directory.
func newBackend(c core.Connection, dir string) (backend, error) {
	var b backend
	var err error
	switch {
	case c.Kind == core.ConnectFile && c.File != nil:
		b, err = fileBackend(c.File)
	case c.Kind == core.ConnectISCSI && c.ISCSI != nil:
		b, err = iscsiBackend(c.ISCSI)
	case c.Kind == core.ConnectNBD && c.NBD != nil:
		b, err = nbdBackend(c.NBD, dir)
	case c.Kind == core.ConnectNFS && c.NFS != nil:
		return b, &core.Error{
			Kind: core.Unsupported, Text: "a shared volume is a directory, which is mounted and not mapped", Hint: "as root: " + MountCommand(c, "DIR"),
		}
	default:
		return b, core.Errorf(core.Unsupported, "a volume that is reached by %q cannot be mapped: want file, iscsi or nbd", c.Kind)
	}
	if err != nil {
		return b, err
	}
	b.Node["node-name"] = nodeName
	b.Node["read-only"] = c.ReadOnly
	return b, nil
}

func fileBackend(f *core.FileConnection) (backend, error) {
	if f.Format != "raw" && f.Format != "qcow2" {
		return backend{}, core.Errorf(core.Invalid, "format %q: want raw or qcow2", f.Format)
	}
	return backend{Node: map[string]any{
		"driver": f.Format, "discard": "unmap",
		"file": map[string]any{"driver": "file", "filename": f.File, "discard": "unmap"},
	}}, nil
}

func iscsiBackend(i *core.ISCSIConnection) (backend, error) {
	if len(i.Portals) == 0 {
		return backend{}, core.Errorf(core.Invalid, "iscsi target %s: no portal", i.TargetIQN)
	}
	node := map[string]any{
		"driver": "iscsi", "transport": "tcp", "portal": i.Portals[0], "target": i.TargetIQN, "lun": i.LUN,
	}
	if i.InitiatorIQN != "" {
		node["initiator-name"] = i.InitiatorIQN
	}
	b := backend{Node: node}
	if i.CHAPUser != "" {
		node["user"], node["password-secret"] = i.CHAPUser, "chap"
		b.Objects = []map[string]any{{"qom-type": "secret", "id": "chap", "data": i.CHAPPassword.Reveal()}}
	}
	return b, nil
}

func nbdBackend(n *core.NBDConnection, dir string) (backend, error) {
	u, err := url.Parse(n.URI)
	if err != nil {
		// The error would show the URI, which may be anything.
		return backend{}, core.Errorf(core.Invalid, "the address of the NBD server is no URI")
	}
	node := map[string]any{"driver": "nbd", "reconnect-delay": 60}
	if export := strings.TrimPrefix(u.Path, "/"); export != "" {
		node["export"] = export
	}
	switch {
	case u.Scheme == "nbd+unix" && u.Query().Get("socket") != "":
		node["server"] = map[string]any{"type": "unix", "path": u.Query().Get("socket")}
	case (u.Scheme == "nbd" || u.Scheme == "nbds") && u.Hostname() != "":
		port := u.Port()
		if port == "" {
			port = "10809"
		}
		node["server"] = map[string]any{"type": "inet", "host": u.Hostname(), "port": port}
	default:
		return backend{}, core.Errorf(core.Invalid, "NBD server %s: want nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH", u.Redacted())
	}
	b := backend{Node: node}
	if !n.TLSPSK.IsZero() {
		b.Files = map[string][]byte{"keys.psk": []byte("qemu:" + n.TLSPSK.Reveal() + "\n")}
		b.Objects = []map[string]any{{"qom-type": "tls-creds-psk", "id": "tls", "endpoint": "client", "dir": dir}}
		node["tls-creds"] = "tls"
	}
	return b, nil
}

// MountCommand is what mounts a shared volume at a directory on Linux, with or
// without nfs-common; empty for a connection of another kind.
func MountCommand(c core.Connection, dir string) string {
	if c.NFS == nil {
		return ""
	}
	mode, proto := "rw", "tcp"
	if c.ReadOnly {
		mode = "ro"
	}
	host, port := c.NFS.Server, uint16(2049)
	if server, err := netip.ParseAddrPort(c.NFS.Server); err == nil {
		host, port = server.Addr().String(), server.Port()
		if server.Addr().Is6() {
			proto, host = "tcp6", "["+host+"]"
		}
	}
	return fmt.Sprintf("mount -t nfs4 -o vers=%s,proto=%s,port=%d,addr=%s,hard,%s %s:%s %s",
		c.NFS.Version, proto, port, strings.Trim(host, "[]"), mode, host, c.NFS.Export, dir)
}
