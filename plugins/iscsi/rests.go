package iscsi

import (
	"maps"
	"sync"
	"time"
)

// rest is how long a resident part leaves the layers of a volume as they are: since it
// has last seen whether space can be won back of them, and since somebody was told the
// way to them, who is about to open them.
const rest = time.Minute

// rests knows which volumes are left alone. Its zero value knows of none, and may be
// used by several goroutines.
type rests struct {
	mu    sync.Mutex
	since map[string]time.Time // by folder
}

// begin leaves a volume alone from now on.
func (r *rests) begin(folder string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.renew(folder)
}

// over reports whether a volume has been left alone for long enough. If so, it is left
// alone from now on.
func (r *rests) over(folder string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.since[folder]) < rest {
		return false
	}
	r.renew(folder)
	return true
}

func (r *rests) renew(folder string) {
	if r.since == nil {
		r.since = map[string]time.Time{}
	}
	maps.DeleteFunc(r.since, func(_ string, t time.Time) bool { return time.Since(t) >= rest })
	r.since[folder] = time.Now()
}
