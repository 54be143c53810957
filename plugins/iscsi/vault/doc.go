// Package vault is the vault on disk: volumes as folders below one directory, the
// index of them, and who may use them. It works on files alone and runs nothing.
//
// A volume is a folder <id>.elimg or vid.<id>.elimg anywhere below the root. Its
// metadata are meta.json or volumefile; its data are data.img or the only *.img,
// raw or qcow2, or, where it is shareable, the directory data. What Meson adds
// stands under one key of the metadata, "meson" (State), and in the folder .meson,
// of mode 0700; everything else in the metadata is kept as it was found.
//
// Several processes may work on one vault. Four things hold between them:
//
//   - Metadata change under the volume's own lock (flock on .meson/lock), by a new
//     file that is synced and renamed over the old one.
//   - Limits are counted, and names given, under the vault's lock (flock on
//     <root>/.meson/lock). Who needs both takes the volume's first.
//   - A volume is built in a folder .meson-new-… beside its later place and renamed
//     when everything is on disk; it is removed by renaming it to .meson-gone-… A
//     kill at any instant leaves a whole volume or none, and Sweep removes what is
//     left when nobody who works on it is alive.
//   - What takes long does not have the volume's lock: who reads at length has a
//     Reading, a locked file in <root>/.meson/reading; what is done for tidiness alone
//     yields the lock to whoever wants it (Yielding).
//
// Directories whose names begin with a dot are not searched, and neither are volumes'
// own folders. Nothing in a vault is trusted: symbolic links are never followed, whatever is
// read has a limit, and a folder with anything wrong is listed with its faults and
// not written. The format of an image is what State records. Of a volume that
// nobody has recorded yet it is found once, when it is first used, by the rule of
// Format, and recorded; the header of an image that has been in use is never asked
// again, because a guest may have written it.
package vault
