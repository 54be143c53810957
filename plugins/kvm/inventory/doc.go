// Package inventory says what a libvirt host has and what it has given away, as
// a pure function of libvirt's XML: no connection, no clock, no file. The same
// Source always gives the same Host.
//
// Everything in a Source is somebody else's text. A piece that cannot be read
// becomes a warning and costs only what it alone would have told; a domain that
// cannot be read wholly holds what can be seen of it, whether it runs or not.
package inventory
