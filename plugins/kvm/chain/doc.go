// Package chain finds out on what other files a file stands that is to become a
// disk, and whether every one of them may: what is below an image of qcow2 is named
// by the image itself, and who provides a volume is not trusted with the host. What
// it finds is told to libvirt file by file, so that neither libvirt nor QEMU follows
// a name in an image or guesses a format.
//
// It reads files of the machine that the plugin runs on, and nothing of a disk but
// the beginning of an image that is recorded to be one of qcow2: what is recorded to
// be raw is the guest's, and never looked into.
package chain
