package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// Source is where an image comes from: exactly one of its fields is set.
type Source struct {
	// URL is http or https. Allowed, if set, says of an address that a server sends
	// the request on to whether it may be asked.
	URL     string
	Allowed func(*url.URL) bool
	// Path is a file on this machine. Dir, if set, is a directory that it lies in,
	// and that links in it do not lead out of.
	Path string
	Dir  string
	// Reader is read to its end; an error other than io.EOF ends the import.
	Reader io.Reader
}

// sourceStall is how long a server may send nothing.
const sourceStall = 30 * time.Second

// open begins to read; total is 0 where it is not known.
func (s Source) open(ctx context.Context) (r io.ReadCloser, total uint64, err error) {
	const op = "read image"
	set := 0
	for _, is := range []bool{s.URL != "", s.Path != "", s.Reader != nil} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, 0, invalid(op, "want one source: a URL, a path or a stream")
	case s.Reader != nil:
		return io.NopCloser(&reader{ctx, s.Reader}), 0, nil
	case s.Path != "":
		return s.openPath(ctx)
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, 0, invalid(op, "want a URL that begins with https:// or http://")
	}
	return s.fetch(ctx, u)
}

// openBelow opens a file that is in a directory, wherever links in it lead.
func openBelow(dir, path string, flags int) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return nil, err
	}
	return root.OpenFile(rel, flags, 0)
}

func (s Source) openPath(ctx context.Context) (io.ReadCloser, uint64, error) {
	const op = "read image"
	// Without waiting for the other side of a FIFO.
	const flags = os.O_RDONLY | unix.O_NONBLOCK
	open := func() (*os.File, error) { return os.OpenFile(s.Path, flags, 0) }
	if s.Dir != "" {
		open = func() (*os.File, error) { return openBelow(s.Dir, s.Path, flags) }
	}
	f, err := open()
	if err != nil {
		return nil, 0, failed(op, s.Path, err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = invalid(op, s.Path+" is no file")
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, failed(op, s.Path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{&reader{ctx, f}, f}, uint64(st.Size()), nil
}

// redirected decides whether a request goes on to another address.
func (s Source) redirected(req *http.Request, via []*http.Request) error {
	const op = "fetch image"
	from := via[0].URL.Redacted()
	if len(via) >= 10 {
		return fault(sdk.Unavailable, op, from, "the servers send the request on and on")
	}
	if s.Allowed == nil || s.Allowed(req.URL) {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Denied, Op: op, Subject: from, Source: sdk.SourceProvider,
		Text: "the server sends the request on to " + sdk.CleanText(req.URL.Redacted(), 200) + ", which the settings do not allow",
		Hint: "add the beginning of that address to image_sources, or give the address itself",
	}
}

// errStalled is why a transfer ended.
var errStalled = fmt.Errorf("the server has sent nothing for %v", sourceStall)

func (s Source) fetch(ctx context.Context, u *url.URL) (io.ReadCloser, uint64, error) {
	const op = "fetch image"
	ctx, cancel := context.WithCancelCause(ctx)
	alive := time.AfterFunc(sourceStall, func() { cancel(errStalled) })
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	var resp *http.Response
	if err == nil {
		client := http.Client{CheckRedirect: s.redirected}
		resp, err = client.Do(req)
	}
	if err != nil {
		alive.Stop()
		cancel(nil)
		if refused, ok := errors.AsType[*sdk.Error](err); ok {
			return nil, 0, refused
		}
		return nil, 0, fault(sdk.Unavailable, op, u.Redacted(), "%v", causeOf(err))
	}
	body := &fetched{resp.Body, alive, cancel, ctx}
	if resp.StatusCode != http.StatusOK {
		_ = body.Close()
		kind := sdk.Unavailable
		if resp.StatusCode/100 == 4 {
			kind = sdk.Invalid
		}
		return nil, 0, fault(kind, op, u.Redacted(), "the server answers %s", resp.Status)
	}
	return body, uint64(max(resp.ContentLength, 0)), nil
}

// causeOf leaves the URL out of an error: it may have a password in it.
func causeOf(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

type fetched struct {
	body   io.ReadCloser
	alive  *time.Timer
	cancel context.CancelCauseFunc
	ctx    context.Context
}

func (f *fetched) Read(b []byte) (int, error) {
	n, err := f.body.Read(b)
	if n > 0 {
		f.alive.Reset(sourceStall)
	}
	if err != nil && !errors.Is(err, io.EOF) && f.ctx.Err() != nil {
		err = context.Cause(f.ctx)
	}
	return n, err
}

func (f *fetched) Close() error {
	f.alive.Stop()
	f.cancel(nil)
	return f.body.Close()
}

// spool writes a stream to a new file, blocks of zeros as holes, and returns its
// length. The sum is checked at the end.
type spool struct {
	f       *os.File
	sum     hash.Hash
	at, max uint64
	total   uint64
	tell    func(float64)
}

// spoolBlock is the unit in which zeros are found.
const spoolBlock = 64 << 10

func (s *spool) run(r io.Reader, want string) (uint64, error) {
	const op = "read image"
	if s.total > s.max {
		return 0, s.tooLong()
	}
	s.sum = sha256.New()
	buf := make([]byte, 16*spoolBlock)
	for {
		n, err := io.ReadFull(r, buf)
		if err := s.write(buf[:n]); err != nil {
			return 0, failed(op, s.f.Name(), err)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > 0 && n < len(buf) {
			break
		}
		if err != nil {
			return 0, failed(op, "", err)
		}
		if s.total > 0 {
			s.tell(100 * float64(s.at) / float64(s.total))
		}
	}
	if got := hex.EncodeToString(s.sum.Sum(nil)); want != "" && !strings.EqualFold(got, want) {
		return 0, &sdk.Error{
			Kind: sdk.Invalid, Op: op, Text: "its sha256 is " + got + ", not " + want, Source: sdk.SourceProvider,
			Hint: "the image has changed or was damaged on its way",
		}
	}
	if s.at == 0 {
		return 0, invalid(op, "it is empty")
	}
	return s.at, s.f.Truncate(int64(s.at))
}

func (s *spool) tooLong() error {
	return fault(sdk.Invalid, "read image", "", "it is longer than %d bytes", s.max)
}

func (s *spool) write(b []byte) error {
	if s.at+uint64(len(b)) > s.max {
		return s.tooLong()
	}
	s.sum.Write(b)
	for len(b) > 0 {
		n := min(len(b), spoolBlock)
		if !zeros(b[:n]) {
			if _, err := s.f.WriteAt(b[:n], int64(s.at)); err != nil {
				return err
			}
		}
		s.at += uint64(n)
		b = b[n:]
	}
	return nil
}

func zeros(b []byte) bool {
	for len(b) >= 8 {
		if b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] != 0 {
			return false
		}
		b = b[8:]
	}
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
