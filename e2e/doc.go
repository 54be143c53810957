// Package e2e holds the tests of the whole: the real broker, the real plugin and
// real libvirt hosts, killed wherever that could hurt.
package e2e
