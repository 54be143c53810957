package target

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
)

// The requests of control, one for each thing that is asked of a daemon.

// number is a target's number in its daemon: made of its name, so that nobody has
// to remember or look it up. It is positive; two names of one volume share one
// once in two thousand million times, which is an error then.
func number(iqn string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(iqn))
	return int32(h.Sum32()&0x7fffffff | 1)
}

func (c *control) do(ctx context.Context, what string, r adminRequest, done ...code) error {
	_, err := c.ask(ctx, r)
	if said, ok := errors.AsType[code](err); ok {
		for _, d := range done {
			if said == d {
				return nil
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// targets lists what there is; see parseTargets for what of it can be believed.
func (c *control) targets(ctx context.Context) ([]shown, error) {
	text, err := c.ask(ctx, adminRequest{mode: modeTarget, op: opShow, tid: -1})
	return parseTargets(text), err
}

// sessions has those that are logged in at a target; codeNoTarget if it is gone.
func (c *control) sessions(ctx context.Context, tid int32) ([]session, error) {
	text, err := c.ask(ctx, adminRequest{mode: modeConnection, op: opShow, tid: tid})
	return parseSessions(text), err
}

func (c *control) portals(ctx context.Context) ([]string, error) {
	text, err := c.ask(ctx, adminRequest{mode: modePortal, op: opShow, tid: -1})
	return parsePortals(text), err
}

func (c *control) listen(ctx context.Context, portal string) error {
	return c.do(ctx, "listen on "+portal, adminRequest{mode: modePortal, op: opNew, params: "portal=" + portal})
}

func (c *control) unlisten(ctx context.Context, portal string) error {
	return c.do(ctx, "no longer listen on "+portal, adminRequest{mode: modePortal, op: opDelete, params: "portal=" + portal})
}

// create makes a target in an order in which nobody is admitted before all of it
// is there: the rule that admits the initiator comes last.
func (c *control) create(ctx context.Context, t Target, path, serial string, unmaps bool) error {
	tid := number(t.IQN)
	bit := map[bool]int{true: 1}
	for _, step := range []struct {
		what string
		r    adminRequest
		done []code
	}{
		{"make the target", adminRequest{mode: modeTarget, op: opNew, tid: tid, params: "targetname=" + t.IQN}, nil},
		{"make the logical unit", adminRequest{mode: modeDevice, op: opNew, tid: tid, lun: LUN, params: "path=" + path + ",bstype=rdwr"}, nil},
		{"describe the logical unit", adminRequest{
			mode: modeDevice, op: opUpdate, tid: tid, lun: LUN,
			params: fmt.Sprintf("vendor_id=MESON,product_id=VOLUME,product_rev=1,scsi_sn=%s,scsi_id=%s,thin_provisioning=%d,readonly=%d", serial, serial, bit[unmaps], bit[t.ReadOnly]),
		}, nil},
		// Of a target that was not made to its end, under another password.
		{"forget the account", adminRequest{mode: modeAccount, op: opDelete, params: "user=" + t.User}, []code{codeNoUser}},
		{"make the account", adminRequest{mode: modeAccount, op: opNew, params: "user=" + t.User + ",password=" + t.Password.Reveal()}, nil},
		{"bind the account", adminRequest{mode: modeAccount, op: opBind, tid: tid, params: "user=" + t.User}, nil},
		{"admit the initiator", adminRequest{mode: modeTarget, op: opBind, tid: tid, params: "initiator-name=" + t.Initiator}, nil},
	} {
		if err := c.do(ctx, step.what, step.r, step.done...); err != nil {
			return err
		}
	}
	return nil
}

// silence lets nobody log in any more and no further command begin.
func (c *control) silence(ctx context.Context, tid int32) error {
	return c.do(ctx, "take the target offline", adminRequest{mode: modeTarget, op: opUpdate, tid: tid, params: "state=offline"}, codeNoTarget)
}

func (c *control) refuse(ctx context.Context, tid int32, rule string) error {
	return c.do(ctx, "no longer admit the initiator", adminRequest{mode: modeTarget, op: opUnbind, tid: tid, params: "initiator-name=" + rule}, codeNoTarget, codeACLMissing)
}

func (c *control) disconnect(ctx context.Context, tid int32, s session) error {
	return c.do(ctx, "cut a connection", adminRequest{mode: modeConnection, op: opDelete, tid: tid, sid: s.sid, cid: s.cid},
		codeNoTarget, codeNoSession, codeNoConnection)
}

// remove deletes a target; an error while commands of it are under way.
func (c *control) remove(ctx context.Context, tid int32) error {
	return c.do(ctx, "delete the target", adminRequest{mode: modeTarget, op: opDelete, tid: tid, force: true}, codeNoTarget)
}

func (c *control) forget(ctx context.Context, user string) error {
	return c.do(ctx, "forget the account", adminRequest{mode: modeAccount, op: opDelete, params: "user=" + user}, codeNoUser)
}
