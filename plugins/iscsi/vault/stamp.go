package vault

import "golang.org/x/sys/unix"

// stamp is how a file is known to be the one that was read: who changes it, or puts
// another in its place, changes at least one of these.
type stamp struct {
	dev, ino, size uint64
	changed        int64
}

func stampOf(st unix.Stat_t) stamp {
	return stamp{dev: st.Dev, ino: st.Ino, size: uint64(max(st.Size, 0)), changed: st.Ctim.Nano()}
}
