package upcloud

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Many callers at once are one reading; it is read again when it is old; an error
// is not kept; a caller who leaves spoils nothing.
func TestCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		var fail atomic.Bool
		c := cached[int]{life: time.Minute, now: time.Now, load: func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			if fail.Load() {
				return 0, errors.New("broken")
			}
			return int(reads.Add(1)), ctx.Err()
		}}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if v, err := c.get(t.Context()); v != 1 || err != nil {
					t.Errorf("%d, %v", v, err)
				}
			})
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.get(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who leaves gets %v", err)
		}
		wg.Wait()
		if reads.Load() != 1 {
			t.Errorf("%d readings", reads.Load())
		}
		time.Sleep(59 * time.Second)
		if v, err := c.get(t.Context()); v != 2 || err != nil {
			t.Errorf("what is old is %d, %v", v, err)
		}
		time.Sleep(2 * time.Minute)
		fail.Store(true)
		if _, err := c.get(t.Context()); err == nil {
			t.Error("an error was not told")
		}
		fail.Store(false)
		if v, err := c.get(t.Context()); v != 3 || err != nil {
			t.Errorf("after an error %d, %v", v, err)
		}
	})
}

// The first caller leaves, and the others get what was being read for him.
func TestCachedOutlivesItsFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cached[int]{life: time.Minute, now: time.Now, load: func(ctx context.Context) (int, error) {
			select {
			case <-time.After(time.Second):
				return 7, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}}
		first, cancel := context.WithCancel(t.Context())
		go func() { _, _ = c.get(first) }()
		synctest.Wait()
		go cancel()
		if v, err := c.get(t.Context()); v != 7 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})
}
