package vault

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// emptying removes what is in a directory. A guest may have made what is in a
// shareable volume, so it may be nested as deeply as it likes: what lies too deep is
// moved up first.
type emptying struct {
	top   *dir
	step  func(string)
	moved int
	// freed is how many bytes of the filesystem it gave back.
	freed uint64
}

// run removes everything in top.
func (e *emptying) run() error {
	for {
		if err := e.dir(e.top, 0); err != nil {
			return err
		}
		left, _, err := e.top.entries(1)
		if err != nil || len(left) == 0 {
			return err
		}
	}
}

func (e *emptying) dir(d *dir, depth int) error {
	return d.each(func(name string, st unix.Stat_t) error { return e.file(d, name, st) },
		func(s *dir, name string) error {
			if depth >= maxDepth {
				e.moved++
				return d.move(name, e.top, fmt.Sprintf(".deep-%d", e.moved))
			}
			if err := e.dir(s, depth+1); err != nil {
				return err
			}
			e.step("remove directory")
			err := unix.Unlinkat(d.fd(), name, unix.AT_REMOVEDIR)
			if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
				return nil // the next round has it
			}
			return d.fail("remove", name, err)
		})
}

// file removes a file. One without another name is cut to nothing first, so that
// its space is free even while somebody still has it open.
func (e *emptying) file(d *dir, name string, st unix.Stat_t) error {
	e.step("remove " + name)
	if kindOf(st) == "" && st.Nlink == 1 {
		if f, err := d.open(name, unix.O_WRONLY, 0); err == nil {
			if f.Truncate(0) == nil {
				e.freed += usedBytes(st)
			}
			_ = f.Close()
		}
	}
	return d.unlink(name)
}

// usedBytes is what a file takes on disk.
func usedBytes(st unix.Stat_t) uint64 { return uint64(max(st.Blocks, 0)) * 512 }
