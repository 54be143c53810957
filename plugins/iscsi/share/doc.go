// Package share serves directories to many machines at once, over NFSv4: the
// volumes that are shareable and writable. One nfs-ganesha, in a session of its
// own, serves all of a provider's; it needs neither rpcbind nor D-Bus and keeps
// everything that is its own in one directory.
//
// What is served is decided by the caller's records alone: Ensure makes the
// server agree with them, as often as it is called. Every attachment has an
// export of its own (path, number, clients), so that ending one ends the file
// handles of that one and of no other, while locks hold across all exports of a
// directory. Exports change while the server runs. A server that died is
// started again with the numbers it had: clients wait and go on.
//
// Who may mount is decided by the client's address, and by nothing else:
// AUTH_SYS believes what a client says of its users. And as with every NFS
// server that exports a directory rather than a filesystem, a client whose root
// is hostile can make up file handles of other files on the same filesystem.
// Directories for people who do not trust each other belong on filesystems of
// their own.
package share
