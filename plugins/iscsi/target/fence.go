package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

const opFence = "fence the target"

// Fence ends a target: nobody is admitted any more, who was is cut off, and it
// returns when no command of its initiators is under way or can come. What is
// not there is done. A daemon that does not do so within seconds is killed; Ensure
// starts it again for those that remain. Uncertain if not even that is known to
// have worked. It goes on when ctx is over: what was begun is half a fence.
func (h *Host) Fence(ctx context.Context, key, iqn string) error {
	if !iqnForm.MatchString(iqn) {
		return sdk.InvalidFaults(opFence, []sdk.Fault{{Path: "iqn", Have: iqn, Want: "the name of a target"}})
	}
	return h.quell(ctx, key, func(ctx context.Context, c *control) error {
		listed, err := c.targets(ctx)
		if err != nil {
			return err
		}
		tid := number(iqn)
		var rules, accounts []string
		for _, t := range listed {
			if t.tid == tid {
				rules, accounts = append(rules, t.rules...), append(accounts, t.accounts...)
			}
		}
		return h.fence(ctx, c, tid, rules, accounts)
	})
}

// Stop fences every target of a volume and ends its daemon, with which its locks
// go. What does not run is done. Uncertain as in Fence.
func (h *Host) Stop(ctx context.Context, key string) error {
	return h.quell(ctx, key, func(context.Context, *control) error { return errStop })
}

// errStop asks quell to end the daemon: killed and gone, it has no command under
// way.
var errStop = errors.New("it is to end")

// quell has something done at a daemon that runs, and kills it if that does not
// come to its end.
func (h *Host) quell(ctx context.Context, key string, do func(context.Context, *control) error) error {
	dir, done, err := h.place(ctx, key)
	if err != nil {
		return err
	}
	defer done()
	ctx = context.WithoutCancel(ctx)
	uncertain := func(err error) error {
		return &sdk.Error{
			Kind: sdk.Uncertain, Op: opFence, Subject: "volume " + key, Source: sdk.SourcePlugin, Err: err,
			Hint: "make sure that tgtd with its socket in " + dir + " does not run, then repeat",
		}
	}
	p, err := findAny(dir)
	if err != nil {
		return uncertain(err)
	}
	if p == nil {
		_ = os.RemoveAll(dir)
		return nil
	}
	defer p.close()
	c := h.control(dir)
	c.patience = h.fencing
	err = do(ctx, c)
	if err == nil {
		return nil
	}
	if !errors.Is(err, errStop) {
		h.log.WarnContext(ctx, "tgtd is killed because it does not end a target", "volume", key, "pid", p.pid, "error", err)
	}
	if err := p.kill(ctx); err != nil {
		return uncertain(err)
	}
	if errors.Is(err, errStop) {
		_ = os.RemoveAll(dir)
	}
	return nil
}

// fence ends one target and comes back without an error only when tgtd says that
// it has none of that number: tgtd refuses to delete one whose commands are under
// way, in its threads too.
func (h *Host) fence(ctx context.Context, c *control, tid int32, rules, accounts []string) error {
	start := time.Now()
	if err := c.silence(ctx, tid); err != nil {
		return err
	}
	for _, rule := range rules {
		if err := c.refuse(ctx, tid, rule); err != nil {
			return err
		}
	}
	wait := time.Millisecond
	for {
		sessions, err := c.sessions(ctx, tid)
		if gone(err) {
			break
		}
		if err != nil {
			return err
		}
		for _, s := range sessions {
			if err := c.disconnect(ctx, tid, s); err != nil {
				return err
			}
		}
		// Refused while commands are under way. That it worked is seen above: it
		// has been known to say so and not to.
		err = c.remove(ctx, tid)
		if errors.Is(err, errSilent) {
			return err
		}
		if time.Since(start) > h.fencing {
			return fmt.Errorf("%w: the target is still there after %s, commands of it may hang", errSilent, h.fencing)
		}
		if err != nil {
			time.Sleep(wait)
			wait = min(2*wait, 50*time.Millisecond)
		}
	}
	for _, user := range accounts {
		if err := c.forget(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

// gone reports whether tgtd has no such target.
func gone(err error) bool {
	said, ok := errors.AsType[code](err)
	return ok && said == codeNoTarget
}
