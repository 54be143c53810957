package iscsi

import (
	"context"
	"sync"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	// convertUnasked is after what time a conversion is given up that nobody asks
	// for any more.
	convertUnasked = time.Minute
	// convertTold is how long why one has failed is kept for who asks again.
	convertTold = time.Minute
)

// conversions are the volumes that a process is converting, by id. What takes long
// goes on while its caller asks again; it dies with the process, and nothing of it is
// left then.
type conversions struct {
	mu  sync.Mutex
	all map[string]*conversion
}

// conversion is one of them.
type conversion struct {
	job
	to      vault.Format
	unasked *time.Timer
	ended   time.Time
}

// of is the conversion of a volume to a format that is under way, or that has failed
// and nobody was told; nil without one. Busy: to another format.
func (all *conversions) of(id string, to vault.Format) (*conversion, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	c := all.all[id]
	switch {
	case c == nil:
		return nil, nil
	case c.ended.IsZero() && c.to != to:
		return nil, &sdk.Error{
			Kind: sdk.Busy, Op: opConvert, Subject: "volume " + id, Source: sdk.SourceProvider,
			Text: "it has been converted to " + string(c.to) + " since " + c.began.UTC().Format(time.RFC3339),
		}
	case c.ended.IsZero():
		c.unasked.Reset(convertUnasked)
		return c, nil
	}
	delete(all.all, id)
	if c.err == nil || c.to != to || time.Since(c.ended) > convertTold {
		return nil, nil
	}
	return c, nil
}

// begin has do convert a volume, or joins who does. do ends with ctx, and when nobody
// has asked for a while.
func (all *conversions) begin(ctx context.Context, wg *sync.WaitGroup, id string, to vault.Format, do func(context.Context, *conversion) error) *conversion {
	all.mu.Lock()
	defer all.mu.Unlock()
	if c := all.all[id]; c != nil && c.ended.IsZero() {
		return c
	}
	c := &conversion{to: to}
	c.began, c.done = time.Now(), make(chan struct{})
	ctx, c.cancel = context.WithCancel(ctx)
	c.unasked = time.AfterFunc(convertUnasked, c.cancel)
	if all.all == nil {
		all.all = map[string]*conversion{}
	}
	all.all[id] = c
	wg.Go(func() {
		defer c.cancel()
		defer c.unasked.Stop()
		err := do(ctx, c)
		all.mu.Lock()
		defer all.mu.Unlock()
		if c.err, c.ended = err, time.Now(); err == nil && all.all[id] == c {
			delete(all.all, id)
		}
		close(c.done)
	})
	return c
}

// told forgets why a conversion has failed.
func (all *conversions) told(id string, c *conversion) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.all[id] == c {
		delete(all.all, id)
	}
}

// tell says of a volume how far its conversion is.
func (all *conversions) tell(v *pb.Volume) {
	all.mu.Lock()
	c := all.all[v.GetId()]
	all.mu.Unlock()
	if c == nil || v.GetProgress() != nil {
		return
	}
	select {
	case <-c.done:
		return
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v.Progress = &pb.Progress{Step: "convert", Percent: uint32(min(max(c.percent, 0), 100))}
	if v.GetMessage() == "" {
		v.Message = "it is being converted to " + string(c.to)
	}
}
