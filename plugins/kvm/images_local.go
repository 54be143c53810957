package kvm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// errChecksum says that an image is not what its checksum says.
var errChecksum = errors.New("checksum mismatch")

// imageStore gives images as checked local files. The zero value is ready.
type imageStore struct {
	mu sync.Mutex
	// checked are files whose checksum was computed, by what they were then.
	checked map[fileID]string
	fetch   sdk.Keys
}

type fileID struct {
	path    string
	size    int64
	changed time.Time
}

// localImage is an open file with the checksum that its image must have.
type localImage struct {
	*os.File
	size, virtual uint64
	sum           string
}

// open gives an image as a file whose checksum has been seen to be right, after
// fetching it, within bounds, if it is somewhere else. The caller closes it.
func (s *imageStore) open(ctx context.Context, im *Image, within bounds, j *job) (*localImage, error) {
	path := im.File
	if path == "" {
		var err error
		if path, err = s.fetched(ctx, im, within, j); err != nil {
			return nil, err
		}
	}
	unusable := func(err error) error {
		return &sdk.Error{
			Kind: sdk.Unsupported, Op: "read image", Subject: "image " + im.Label(), Source: sdk.SourcePlugin,
			Err: err, Hint: "see to images in the provider's settings",
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unusable(err)
	}
	local, err := s.check(ctx, f, im, j)
	if err != nil {
		_ = f.Close()
		if ctx.Err() != nil {
			return nil, &sdk.Error{Kind: sdk.Unavailable, Op: "read image", Source: sdk.SourcePlugin, Err: ctx.Err()}
		}
		return nil, unusable(err)
	}
	return local, nil
}

// readable reports whether an image of the configuration can be had, without
// reading it.
func (i *Image) readable() error {
	if i.File == "" {
		return nil
	}
	info, err := os.Stat(i.File)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", i.File)
	}
	return nil
}

// check reads the file once in the life of the process, unless it changes.
func (s *imageStore) check(ctx context.Context, f *os.File, im *Image, j *job) (*localImage, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	id := fileID{f.Name(), info.Size(), info.ModTime()}
	s.mu.Lock()
	sum := s.checked[id]
	s.mu.Unlock()
	if sum == "" {
		j.at("check image", 0, im.Label())
		h := sha256.New()
		if _, err := io.Copy(h, &interruptible{ctx, f}); err != nil {
			return nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		sum = hex.EncodeToString(h.Sum(nil))
		s.mu.Lock()
		if s.checked == nil {
			s.checked = make(map[fileID]string)
		}
		s.checked[id] = sum
		s.mu.Unlock()
	}
	if sum != im.SHA256 {
		return nil, fmt.Errorf("%w: %s has sha256 %s, the settings say %s", errChecksum, f.Name(), sum, im.SHA256)
	}
	local := &localImage{File: f, size: uint64(info.Size()), sum: sum}
	if local.virtual, err = virtualSize(f, im.format(), local.size); err != nil {
		return nil, err
	}
	return local, nil
}

// virtualSize is how large a disk an image is of.
func virtualSize(f io.ReaderAt, format string, size uint64) (uint64, error) {
	if format == "raw" {
		return size, nil
	}
	head := make([]byte, 32)
	if _, err := f.ReadAt(head, 0); err != nil {
		return 0, fmt.Errorf("too short for a qcow2: %w", err)
	}
	if !bytes.Equal(head[:4], []byte("QFI\xfb")) {
		return 0, errors.New("not a qcow2")
	}
	if binary.BigEndian.Uint64(head[8:]) != 0 {
		return 0, errors.New("the qcow2 has a backing file: want an image that stands alone")
	}
	return binary.BigEndian.Uint64(head[24:]), nil
}

// heldBack is how much of an image is not sent before all of it has been
// checked while it was sent: a file that changes meanwhile never gets whole.
const heldBack = 64 << 10

// from reads the image from an offset on, telling how far it is.
func (l *localImage) from(offset uint64, tell func(at uint64)) (io.Reader, error) {
	r := &checkedReader{f: l.File, sum: l.sum, left: l.size, hash: sha256.New(), tell: tell}
	if _, err := l.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if _, err := io.CopyN(r.hash, l.File, int64(offset)); err != nil {
		return nil, err
	}
	r.left, r.at = l.size-offset, offset
	return r, nil
}

type checkedReader struct {
	f        io.Reader
	hash     hash.Hash
	sum      string
	at, left uint64
	tail     []byte
	tell     func(uint64)
}

func (r *checkedReader) Read(p []byte) (int, error) {
	if r.left == 0 && len(r.tail) == 0 {
		return 0, io.EOF
	}
	if r.left > 0 && r.left <= heldBack {
		if err := r.finish(); err != nil {
			return 0, err
		}
	}
	var n int
	if len(r.tail) > 0 {
		n = copy(p, r.tail)
		r.tail = r.tail[n:]
	} else {
		var err error
		if n, err = r.f.Read(p[:min(uint64(len(p)), r.left-heldBack)]); err != nil {
			return 0, fmt.Errorf("image became shorter: %w", err)
		}
		r.hash.Write(p[:n])
		r.left -= uint64(n)
	}
	r.at += uint64(n)
	r.tell(r.at)
	return n, nil
}

// finish reads the rest and checks the whole.
func (r *checkedReader) finish() error {
	r.tail = make([]byte, r.left)
	if _, err := io.ReadFull(r.f, r.tail); err != nil {
		return fmt.Errorf("image became shorter: %w", err)
	}
	r.hash.Write(r.tail)
	r.left = 0
	if sum := hex.EncodeToString(r.hash.Sum(nil)); sum != r.sum {
		r.tail = nil
		return fmt.Errorf("%w: the image changed while it was sent", errChecksum)
	}
	return nil
}

// interruptible ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
