package sdk

import (
	"context"
	"sync"
)

// Keys lets one caller at a time work on each key. The server holds it around
// Create and Delete, so that within one process two calls with the same key
// never both find nothing and both create. The zero value is ready; it is safe
// for concurrent use and must not be copied.
type Keys struct {
	mu   sync.Mutex
	held map[string]*keyLock
}

type keyLock struct {
	turn  chan struct{}
	users int
}

// Lock waits until nobody else holds the key and returns what releases it. Busy
// when ctx ends before.
func (k *Keys) Lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*keyLock{}
	}
	l, ok := k.held[key]
	if !ok {
		l = &keyLock{turn: make(chan struct{}, 1)}
		k.held[key] = l
	}
	l.users++
	k.mu.Unlock()

	leave := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, key)
		}
	}
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, &Error{Kind: Busy, Source: SourcePlugin, Text: "another call with the same key is under way", Err: context.Cause(ctx)}
	}
}
