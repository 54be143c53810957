package upcloud

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/client"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/service"
)

// wire is how the SDK's service reaches the API: the SDK's own client, but for
// what that loses. An answer that is not a success is a *apiError, whatever its
// shape and content type, and one that did not come is a *lostError. It is safe
// for concurrent use.
type wire struct {
	http      *http.Client
	transport *http.Transport
	base      string
	authorise func(*http.Request)
	log       *slog.Logger
}

var _ service.Client = (*wire)(nil)

// newWire is the one place where requests get their address, credentials, bounds
// and retries.
func newWire(c *Config, log *slog.Logger) *wire {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	w := &wire{
		base: strings.TrimSuffix(c.APIURL, "/") + "/" + client.APIVersion,
		log:  log,
		transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13},
		},
	}
	w.authorise = func(r *http.Request) {
		if c.Token.IsZero() {
			r.SetBasicAuth(c.Username.Reveal(), c.Password.Reveal())
			return
		}
		r.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	}
	w.http = &http.Client{
		Transport: &patient{next: w.transport, timeout: c.Timeout, tries: maxTries, budget: retryBudget, log: log},
		// Credentials go where the configuration says and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

func (w *wire) close() { w.transport.CloseIdleConnections() }

// Get asks; it is repeated where that may help.
func (w *wire) Get(ctx context.Context, path string) ([]byte, error) {
	return w.call(ctx, http.MethodGet, path, nil)
}

// Post changes something, and is sent once.
func (w *wire) Post(ctx context.Context, path string, body []byte) ([]byte, error) {
	return w.call(ctx, http.MethodPost, path, body)
}

// Put changes something, and is sent once.
func (w *wire) Put(ctx context.Context, path string, body []byte) ([]byte, error) {
	return w.call(ctx, http.MethodPut, path, body)
}

// Patch changes something, and is sent once.
func (w *wire) Patch(ctx context.Context, path string, body []byte) ([]byte, error) {
	return w.call(ctx, http.MethodPatch, path, body)
}

// Delete removes something, and is sent once.
func (w *wire) Delete(ctx context.Context, path string) ([]byte, error) {
	return w.call(ctx, http.MethodDelete, path, nil)
}

// GetStream is Get: answers are read whole.
func (w *wire) GetStream(ctx context.Context, path string) (io.ReadCloser, error) {
	body, err := w.Get(ctx, path)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

// Do sends a request made elsewhere. It gets credentials only if it goes to the
// API.
func (w *wire) Do(r *http.Request) ([]byte, error) {
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	r.Header.Set("User-Agent", "meson-plugin-upcloud/"+Version+" upcloud-go-api/"+client.Version)
	if strings.HasPrefix(r.URL.String(), w.base+"/") {
		w.authorise(r)
	}
	begun := time.Now()
	resp, err := w.http.Do(r)
	if err != nil {
		w.log.Debug("no answer", "method", r.Method, "path", r.URL.Path, "after", time.Since(begun), "error", err)
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body) // in memory already, and bounded
	if err != nil {
		return nil, &lostError{err: err, sent: true}
	}
	w.log.Debug("answered", "method", r.Method, "path", r.URL.Path, "status", resp.StatusCode, "bytes", len(body), "after", time.Since(begun))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, decodeError(resp, body, time.Now())
	}
	return body, nil
}

// DoStream is Do.
func (w *wire) DoStream(r *http.Request) (io.ReadCloser, error) {
	body, err := w.Do(r)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (w *wire) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, w.base+path, reader)
	if err != nil {
		return nil, &lostError{err: fmt.Errorf("make request: %w", err)}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return w.Do(r)
}
