package link

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// server is the address and port.
func (n *NFS) server() string { return net.JoinHostPort(n.Host, n.Port) }

// source is the export in the words of mount.
func (n *NFS) source() string {
	if a, err := netip.ParseAddr(n.Host); err == nil && a.Is6() {
		return "[" + n.Host + "]:" + n.Export
	}
	return n.Host + ":" + n.Export
}

// options are those that the kernel's own parser of mounts takes, without the help
// of mount.nfs, which images of clouds lack.
func (n *NFS) options(readOnly bool) string {
	proto, access := "tcp", "rw"
	if a, err := netip.ParseAddr(n.Host); err == nil && a.Is6() {
		proto = "tcp6"
	}
	if readOnly {
		access = "ro"
	}
	return fmt.Sprintf("vers=%s,proto=%s,port=%s,addr=%s,hard,%s", n.Version, proto, n.Port, n.Host, access)
}

// MountCommand is what a person types in a guest that was not told at its first
// boot.
func (l *Link) MountCommand() string {
	return fmt.Sprintf("mount -i -t nfs4 -o %s %s /mnt/%s", l.NFS.options(l.ReadOnly), l.NFS.source(), l.Name)
}

const mountScript = `#!/bin/sh
# Mounts the shared volumes of this machine.
share() { # SOURCE DIR OPTIONS
	mkdir -p "$2"
	grep -qs " $2 nfs4 " /etc/fstab || echo "$1 $2 nfs4 $3,_netdev,nofail 0 0" >>/etc/fstab
	n=0
	until grep -qs " $2 nfs4 " /proc/mounts || mount -i -t nfs4 -o "$3" "$1" "$2"; do
		n=$((n + 1))
		[ "$n" -lt 60 ] || return 1
		sleep 1
	done
}
`

// Script is the vendor data of a machine that mounts volumes: a script that
// cloud-init runs at the first boot, before what the user has given, and beside
// it. Nil where there is nothing to mount.
func Script(links []Link) []byte {
	var b strings.Builder
	for i := range links {
		if l := &links[i]; l.NFS != nil {
			fmt.Fprintf(&b, "share '%s' '/mnt/%s' '%s'\n", l.NFS.source(), l.Name, l.NFS.options(l.ReadOnly))
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return []byte(mountScript + b.String())
}
