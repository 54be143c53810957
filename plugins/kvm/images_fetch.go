package kvm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/mesoncloud/meson/sdk"
)

// fetchStall is how long a server may send nothing.
const fetchStall = 30 * time.Second

// cacheDir is where fetched images are kept, by checksum.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		// A plugin's environment need not name a home.
		base = filepath.Join(os.TempDir(), fmt.Sprintf("meson-%d", os.Getuid()))
	}
	dir := filepath.Join(base, "meson", "images")
	return dir, os.MkdirAll(dir, 0o700)
}

// fetched is the path of an image that has been fetched. One process at a time
// fetches an image; what a broken one has left is gone on with. One that is
// larger than a bound leaves nothing.
func (s *imageStore) fetched(ctx context.Context, im *Image, within bounds, j *job) (string, error) {
	fail := func(kind sdk.Kind, err error) error {
		if e, ok := errors.AsType[*sdk.Error](err); ok {
			return e
		}
		return &sdk.Error{Kind: kind, Op: "fetch image", Subject: "image " + im.Label(), Source: sdk.SourcePlugin, Err: err}
	}
	unlock, err := s.fetch.Lock(ctx, im.SHA256)
	if err != nil {
		return "", fail(sdk.Unavailable, err)
	}
	defer unlock()
	dir, err := cacheDir()
	if err != nil {
		return "", fail(sdk.Unsupported, err)
	}
	path := filepath.Join(dir, im.SHA256)
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(ctx, inUseWait); err != nil {
		return "", fail(sdk.Unavailable, err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	part := path + ".part"
	if err := download(ctx, im, part, within, j); err != nil {
		if definite(err) {
			_ = os.Remove(part)
		}
		return "", fail(sdk.Unavailable, err)
	}
	f, err := os.Open(part)
	if err != nil {
		return "", fail(sdk.Unavailable, err)
	}
	_, err = s.check(ctx, f, im, j)
	_ = f.Close()
	if errors.Is(err, errChecksum) {
		_ = os.Remove(part)
	}
	if err != nil {
		return "", fail(sdk.Unsupported, err)
	}
	if err := os.Rename(part, path); err != nil {
		return "", fail(sdk.Unavailable, err)
	}
	return path, nil
}

// download appends to part what it lacks, if the whole is within bounds: it asks
// what the server says first, and counts what it then sends.
func download(ctx context.Context, im *Image, part string, within bounds, j *job) error {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	within = append(roomAt(filepath.Dir(part), uint64(have)), within...)
	if err := within.check(im, uint64(have), true); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stalled := time.AfterFunc(fetchStall, cancel)
	defer stalled.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, im.URL, nil)
	if err != nil {
		return err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable:
		// All of it is here; the checksum will tell.
		return f.Close()
	case http.StatusOK:
		have = 0
		if err := f.Truncate(0); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s answers %s", im.URL, resp.Status)
	}
	body := &fetching{
		r: resp.Body, at: uint64(have), alive: stalled,
		bound: func(at uint64) error { return within.check(im, at, true) },
		tell:  func(n int) { j.at("fetch image", n, im.Label()) },
	}
	if resp.ContentLength >= 0 {
		body.all = uint64(have + resp.ContentLength)
		if err := within.check(im, body.all, false); err != nil {
			return err
		}
	}
	if _, err := io.Copy(f, body); err != nil {
		return noSpace(im, part, err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// fetching is a body that tells how far it is, shows that it goes on and ends
// where it comes to more than its bound.
type fetching struct {
	r io.Reader
	// all is 0 where the server does not say.
	at, all uint64
	last    int
	alive   *time.Timer
	bound   func(at uint64) error
	tell    func(percent int)
}

func (b *fetching) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.alive.Reset(fetchStall)
	b.at += uint64(n)
	if err := b.bound(b.at); err != nil {
		return 0, err
	}
	if now := percent(b.at, b.all); b.all > 0 && now != b.last {
		b.last = now
		b.tell(now)
	}
	return n, err
}
