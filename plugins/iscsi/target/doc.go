// Package target serves volumes over iSCSI with tgt: one tgtd per volume, in a
// session of its own, and in it one target per attachment.
//
// What must be served stands with the caller, in the volume's own records; here
// nothing is remembered. What is served is read from the daemons, each time: from
// their control sockets and from /proc. So a plugin that is killed finds its
// daemons again, and a daemon that is killed is started again as it was: the
// same portal, names and passwords, so that an initiator notices a pause.
//
// The promises, and where they come from:
//
//   - Flushed is on disk. The backing store is rdwr, whose SYNCHRONIZE CACHE is
//     fdatasync; tgt's aio store answers and does nothing.
//   - A target's name is used once. It has the volume's epoch and the attachment
//     in it, its password is its own, and it admits one initiator. A writer that
//     was fenced and comes back finds nothing that it could replay its queue to.
//   - Fenced is quiet. Fence returns when the server has no such target: tgtd
//     deletes one only when no command of it is under way. A daemon that does not
//     answer is killed, which is a fence as well.
//   - The lock dies with the server of the bytes. Locked files that the caller
//     hands in are inherited by tgtd, and stay locked when plugin and broker are
//     gone, until it is.
//   - Passwords go to tgtd over its control socket, which only its own user may
//     speak to: tgtadm would show them in its arguments, and tgt-admin calls it.
//
// tgt admits whoever matches by name or by address, not who matches by both. So
// an initiator is bound by its name alone; its password is what proves it. Nor
// does tgt count sessions: whoever has the name and the password of an attachment,
// such as a copy of its machine, logs in to its target beside it, and both write.
// A second attachment is refused before there is a target; a second session of one
// is seen in Status, and ended by nobody: which of the two is right is not known here.
package target
