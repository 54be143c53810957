package target

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// QEMU marks an image with open file description locks on single bytes: 100+n
// for a permission n that it uses, 200+n for one that it does not share. Each
// process holds shared locks on its own and asks whether others' contradict.
// (block/file-posix.c of QEMU; permissions are those of block-common.h.)
const (
	qemuUsed     = 100
	qemuUnshared = 200
	permRead     = 0
	permWrite    = 1
	permResize   = 3
)

// LockImage opens an image and marks it as QEMU does one that it writes, so that
// no QEMU, qemu-img or qemu-storage-daemon opens it for writing meanwhile, and
// none that has it makes this succeed. Such a lock is held as LockFile's is. Busy
// if somebody writes the image or does not share it.
func LockImage(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, lockError("open", path, err)
	}
	for _, at := range []int64{qemuUsed + permRead, qemuUsed + permWrite, qemuUsed + permResize, qemuUnshared + permWrite, qemuUnshared + permResize} {
		mark := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart, Start: at, Len: 1}
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &mark); err != nil {
			_ = f.Close()
			return nil, lockError("mark", path, err)
		}
	}
	use, err := imageUse(f)
	if err == nil && (use.Written || use.Unshared) {
		err = lockError("mark", path, unix.EAGAIN)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// ImageUse is what others do with an image.
type ImageUse struct {
	// Open: some process has it open as QEMU does, for reading at least.
	Open bool
	// Written: some process may write it.
	Written bool
	// Unshared: some process does not want it written by others.
	Unshared bool
}

// ProbeImage says how an image is used by QEMU and whoever locks as it does, on
// all machines that see the file where its file system carries locks.
func ProbeImage(path string) (ImageUse, error) {
	f, err := os.Open(path)
	if err != nil {
		return ImageUse{}, &sdk.Error{Kind: sdk.Unavailable, Op: "probe the image", Subject: path, Source: sdk.SourcePlugin, Err: err}
	}
	defer f.Close()
	return imageUse(f)
}

func imageUse(f *os.File) (ImageUse, error) {
	var use ImageUse
	for _, probe := range []struct {
		at   int64
		says *bool
	}{
		{qemuUsed + permRead, &use.Open},
		{qemuUsed + permWrite, &use.Written},
		{qemuUnshared + permWrite, &use.Unshared},
	} {
		held, err := locked(f, unix.F_WRLCK, probe.at, 1)
		if err != nil {
			return use, err
		}
		*probe.says = held
	}
	use.Open = use.Open || use.Written || use.Unshared
	return use, nil
}
