// Package hosts keeps connections to libvirt hosts.
//
// A Host is one libvirt URI. It connects in the background, notices when the
// other side is gone (close callback, keepalive), re-opens with back-off, hears
// the host's domain events and remembers what they leave valid. Every call is
// bounded by its context: libvirt's calls cannot be cancelled, so one that
// outlives its context is left to end by itself, holding nothing but one of the
// host's call slots.
package hosts
