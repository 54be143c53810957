// Package mapping makes a volume a file of this machine, or a socket, without
// kernel modules: one qemu-storage-daemon per mapping, in a session of its own,
// reaches the volume by its core.Connection and shows it by FUSE or NBD. It asks
// for no privileges but those of FUSE.
//
// What there is stands in a directory and in the processes themselves; nothing
// is kept in memory, so that any command finds what another has made. Secrets are
// given to the daemon over a socket that only the user can open: they stand in no
// argument, no environment and no file, but for a TLS key, which the daemon reads
// from a file of mode 0600.
//
// A mapping does not hold the right to the volume: that is the attachment's, at
// the storage provider. It is ended first, the attachment then.
package mapping
