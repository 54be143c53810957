package sdk

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// closeTimeout is what a provider has to end its background work.
const closeTimeout = 5 * time.Second

// opened is one provider that was configured: the value that the author's Open
// returned, and who uses it.
type opened struct {
	name        string
	fingerprint []byte // keyed hash of the settings
	provider    Provider
	log         *slog.Logger

	// watching ends when the provider is replaced or the plugin drains: calls
	// that would last for ever hang on it.
	watching context.Context
	unwatch  context.CancelCauseFunc

	mu      sync.Mutex
	calls   int
	retired bool
	idle    chan struct{} // closed when retired and without calls
}

func newOpened(name string, fingerprint []byte, p Provider, log *slog.Logger) *opened {
	watching, unwatch := context.WithCancelCause(context.Background())
	return &opened{
		name: name, fingerprint: fingerprint, provider: p, log: log,
		watching: watching, unwatch: unwatch, idle: make(chan struct{}),
	}
}

// enter counts a call in; false: the provider is no longer in use.
func (o *opened) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.retired {
		return false
	}
	o.calls++
	return true
}

func (o *opened) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.calls--; o.retired && o.calls == 0 {
		close(o.idle)
	}
}

// retire lets no new call in and ends the watches.
func (o *opened) retire(cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.retired {
		return
	}
	o.retired = true
	o.unwatch(cause)
	if o.calls == 0 {
		close(o.idle)
	}
}

// close ends the provider; its calls have ended or been given up.
func (o *opened) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- recovering(o.log, "close provider", func() error { return o.provider.Close(ctx) })
	}()
	select {
	case err := <-done:
		if err != nil {
			o.log.Warn("provider did not close cleanly", "provider", o.name, "error", err)
		}
	case <-ctx.Done():
		o.log.Warn("provider did not close in time", "provider", o.name)
	}
}

// fingerprint is a keyed hash of settings that are equal if and only if they
// mean the same JSON and have the same secrets.
func fingerprint(key, config []byte, secrets map[string][]byte) []byte {
	h := hmac.New(sha256.New, key)
	part := func(b []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		_, _ = h.Write(b)
	}
	if v, err := parseJSON(config); err == nil {
		config = canonical(nil, v)
	}
	part(config)
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		part([]byte(name))
		part(secrets[name])
	}
	return h.Sum(nil)
}
