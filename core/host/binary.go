package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/core"
)

// binary is the file of a plugin, opened once. What was checked is what runs:
// every start executes the open file itself, by way of /proc/self/fd, and not
// whatever its path leads to by then. A newer file put in its place is run by
// the next host, not halfway through the life of this one; bytes changed in
// place are noticed, since the file's identity is compared before each start and
// its hash taken anew when that differs.
//
// A private copy would do the same at the cost of a copy for each host, and
// cannot live in /run where that is mounted noexec.
type binary struct {
	name string
	path string
	pin  string // sha256 in hexadecimal, or empty

	mu     sync.Mutex
	file   *os.File
	seen   identity
	first  *hashing // of the bytes that had the identity seen
	script bool
}

// hashLater is when the first hash of a binary without a pin is taken: there is
// nothing to compare it with before the file's identity differs, most commands
// are over by then, and the others' starts are.
const hashLater = 2 * time.Second

// hashing is a hash that is being taken, or will be.
type hashing struct {
	wanted chan struct{} // closed when it is not to be put off any longer
	want   sync.Once
	done   chan struct{}
	sum    string
	err    error
}

// wait returns when the hash is taken.
func (h *hashing) wait() {
	h.want.Do(func() { close(h.wanted) })
	<-h.done
}

// identity changes whenever the content of an open file does.
type identity struct {
	size         int64
	mtime, ctime syscall.Timespec
	mode         fs.FileMode
}

// open finds and checks the binary, or checks again the one that is open. The
// file stays owned by b.
func (b *binary) open(finder Finder) (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == nil {
		found, err := finder.Find(b.name)
		if err != nil {
			return nil, err
		}
		file, err := openHigh(found.Path)
		if err != nil {
			return nil, b.fault(core.Unavailable, found.Path, reasonOf(err).Error(), "")
		}
		b.path = found.Path
		if err := b.verify(file); err != nil {
			_ = file.Close()
			return nil, err
		}
		b.file = file
		return file, nil
	}
	if err := b.verify(b.file); err != nil {
		return nil, err
	}
	return b.file, nil
}

// verify hashes the file unless it is the very same as last time.
func (b *binary) verify(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return b.fault(core.Unavailable, b.path, reasonOf(err).Error(), "")
	}
	// The path was inspected; what was opened is inspected again, since the two
	// need not be the same file.
	if d := distrustFile(b.path, info); d != nil {
		return b.fault(core.Denied, b.path, "refused: "+d.reason, d.hint)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return b.fault(core.Internal, b.path, "no file status", "")
	}
	now := identityOf(info, stat)
	if b.first != nil && now == b.seen {
		return nil
	}
	later := hashLater
	if b.pin != "" || b.first != nil {
		later = 0
	}
	taken := takeHash(file, now, later)
	if b.pin != "" || b.first != nil {
		if err := b.compare(taken); err != nil {
			return err
		}
	}
	head := make([]byte, 2)
	n, _ := file.ReadAt(head, 0)
	b.seen, b.first, b.script = now, taken, string(head[:n]) == "#!"
	return nil
}

// compare holds a hash against the pin and the one before.
func (b *binary) compare(taken *hashing) error {
	taken.wait()
	if taken.err != nil {
		return b.fault(core.Unavailable, b.path, reasonOf(taken.err).Error(), "")
	}
	if b.pin != "" && !strings.EqualFold(taken.sum, b.pin) {
		return b.fault(core.Denied, b.path, fmt.Sprintf("refused: its sha256 is %s, and %s is pinned", taken.sum, b.pin),
			"install the version that is pinned, or pin the one that is installed")
	}
	if b.first == nil {
		return nil
	}
	b.first.wait()
	if b.first.err != nil || taken.sum != b.first.sum {
		return b.fault(core.Denied, b.path, "refused: it was changed since it was checked",
			"start Meson again to use the new one; install new versions by renaming, not by writing over")
	}
	return nil
}

func identityOf(info fs.FileInfo, stat *syscall.Stat_t) identity {
	return identity{size: info.Size(), mtime: stat.Mtim, ctime: stat.Ctim, mode: info.Mode()}
}

// takeHash hashes the file, after a while or when somebody waits for it. It errs
// unless the file had the identity until the end.
func takeHash(file *os.File, of identity, later time.Duration) *hashing {
	h := &hashing{wanted: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		timer := time.NewTimer(later)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-h.wanted:
		}
		hash := sha256.New()
		if _, h.err = io.Copy(hash, io.NewSectionReader(file, 0, 1<<40)); h.err != nil {
			return
		}
		h.sum = hex.EncodeToString(hash.Sum(nil))
		info, err := file.Stat()
		if err != nil {
			h.err = err
		} else if stat, ok := info.Sys().(*syscall.Stat_t); !ok || identityOf(info, stat) != of {
			h.err = errors.New("it was changed while it was checked")
		}
	}()
	return h
}

func (b *binary) fault(kind core.Kind, path, text, hint string) error {
	return &core.Error{Kind: kind, Op: "check plugin", Subject: "plugin " + b.name, Text: path + ": " + text, Hint: hint}
}

func (b *binary) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file != nil {
		_ = b.file.Close()
		b.file = nil
	}
	if b.first != nil {
		b.first.wait() // it ends with the file
	}
}

// openHigh opens a file at a descriptor that is above all those which a child
// gets, so that arranging the child's descriptors never closes it before exec.
func openHigh(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 64)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// reasonOf drops the path from an error that is shown next to it.
func reasonOf(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
