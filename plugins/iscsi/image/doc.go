// Package image is the image engine of a volume: files in one folder, and the
// daemon that serves them. It drives QEMU's own tools, qemu-img and
// qemu-storage-daemon.
//
// # Files
//
// A volume is a chain of files in one folder. Its active file, data.img, is the
// only one that is ever written by a user of the volume; below it lie frozen
// ones, snap-ID.img, each a qcow2 overlay of the next, the lowest raw or qcow2.
// An overlay names its backing file relatively and with its format, so the
// folder may be moved. What the chain is, the caller records, as a Layout; the
// format of a file that a guest has written is never found out by looking.
//
// # Changes
//
// Whatever turns one Layout into another is a Change, done by Do:
//
//  1. The caller, who holds the volume's lock, records the Change beside the
//     Layout, durably.
//  2. Do(volume, change) returns the new Layout.
//  3. The caller records the new Layout and removes the Change, in one durable
//     write.
//
// Killed at any instant, by SIGKILL or loss of power, the caller finds a
// recorded Change and calls Do again with exactly the recorded Layout and
// Change, before anything else is done with the folder: the result is as if the
// first call had run through. Whether data.img has already been replaced is told
// by names alone: the file that replaces it is built whole and synced as
// .meson-CHANGE.new, then .meson-CHANGE.ready is made, then the rename; ready
// without new means that it was replaced. Tidy removes such names once no Change
// is recorded. An error of Do changes nothing of this: the Change stays recorded
// and is repeated, unless the error is Invalid, NotFound or Busy, which promise
// that nothing was changed.
//
// Create, Import, Clone and Copy fill a folder that nobody sees yet: after a
// kill the caller removes the folder and begins anew.
//
// # Sharing
//
// Clone makes hard links to the frozen files of its origin, on the same
// filesystem and in constant time. Neither folder depends on the other: each may
// be changed, moved and deleted, and space is free when the last link is gone. A
// file with more than one link is never written, also where a backup tool made
// the links.
//
// # Serving
//
// A Daemon is one qemu-storage-daemon for one volume, in a session of its own. It
// outlives the process that started it and is found again by its runtime
// directory. With a Daemon, Do works on the running volume.
package image
