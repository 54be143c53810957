package upcloud

import (
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"
)

// uploadPath and an import's UUID are where its data is put.
const uploadPath = "/uploader/session/"

// fetchTime bounds one import from a URL, in real time.
const fetchTime = 5 * time.Minute

// sums counts what is read, and what comes out of it where it is packed, and
// sums the latter, as it was recorded.
type sums struct {
	read, written, length int64
	contentType           string
	md5, sha256           hash.Hash
}

func newSums() *sums { return &sums{md5: md5.New(), sha256: sha256.New()} }

func (s *sums) md5Text() string    { return hex.EncodeToString(s.md5.Sum(nil)) }
func (s *sums) sha256Text() string { return hex.EncodeToString(s.sha256.Sum(nil)) }

// counter counts what is read through it.
type counter struct {
	from io.Reader
	n    *int64
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	*c.n += int64(n)
	return n, err
}

var errTooLarge = errors.New("the data is larger than the storage, or than the emulator reads")

// copy reads all of the data, within the bounds of what may be received and of
// what the storage holds.
func (s *sums) copy(data io.Reader, packed bool, receive, hold int64) error {
	data = counter{io.LimitReader(data, receive+1), &s.read}
	if packed {
		z, err := gzip.NewReader(data)
		if err != nil {
			return err
		}
		data = z
	}
	// What is packed may be much more once unpacked: receive bounds that, too.
	most := min(hold, receive*100)
	n, err := io.Copy(io.MultiWriter(s.md5, s.sha256), io.LimitReader(data, most+1))
	s.written = n
	if s.read > receive || s.written > most {
		return errTooLarge
	}
	return err
}

// fetch reads the URL of an import. It does not use the environment's proxies,
// and follows few redirects.
func (s *Server) fetch(i *storageImport) {
	defer s.background.Done()
	ctx, cancel := context.WithTimeout(s.ctx, fetchTime)
	defer cancel()
	sum := newSums()
	s.finish(i, sum, s.get(ctx, i, sum))
}

func (s *Server) get(ctx context.Context, i *storageImport, sum *sums) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.location, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{ResponseHeaderTimeout: time.Minute, DisableKeepAlives: true, DisableCompression: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > 5 {
			return errors.New("too many redirects")
		}
		return nil
	}}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	sum.length, sum.contentType = answer.ContentLength, answer.Header.Get("Content-Type")
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the source answers %s", answer.Status)
	}
	return sum.copy(answer.Body, gzipped(sum.contentType, request.URL.Path), s.importBytes, int64(i.storage.gib)<<30)
}

func gzipped(contentType, path string) bool {
	return contentType == "application/gzip" || contentType == "application/x-gzip" || strings.HasSuffix(path, ".gz")
}

// upload takes the data of an import that waits for it. The address is all that
// a client needs: it is a secret of its own.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	i, hold := s.waiting(r.PathValue("uuid"))
	if i == nil {
		s.send(w, r, s.refuse(fail(http.StatusNotFound, "RESOURCE_NOT_FOUND", "There is no such upload.").asProblem()))
		return
	}
	sum := newSums()
	sum.contentType = r.Header.Get("Content-Type")
	err := sum.copy(r.Body, gzipped(sum.contentType, ""), s.importBytes, hold)
	s.finish(i, sum, err)
	if err != nil {
		s.send(w, r, s.refuse(bad("INVALID_REQUEST", "The data cannot be taken: %s.", err).asProblem()))
		return
	}
	s.send(w, r, &reply{status: http.StatusOK, contentType: plainType, body: encode(map[string]any{
		"written_bytes": sum.written, "md5sum": sum.md5Text(), "sha256sum": sum.sha256Text(),
	})})
}

// waiting is the import that waits for an upload of that name, once, and how
// much its storage holds.
func (s *Server) waiting(uuid string) (*storageImport, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.imports {
		if i.uuid == uuid && i.source == sourceUpload && i.state == importPrepared {
			if i.storage.idle() != nil {
				return nil, 0
			}
			i.state = importPending
			i.begin()
			return i, int64(i.storage.gib) << 30
		}
	}
	return nil, 0
}
