package upcloud

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Create asks for a server in one request, which is sent only if no server has the
// key, and answers with what is then there: it starts by itself. A repeated Create
// finds it.
func (p *Provider) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	o, err := p.orderOf(req)
	if err != nil {
		return nil, err
	}
	if _, err := p.cloud(); err != nil {
		return nil, err
	}
	unlock, err := p.busy.Lock(ctx, o.own.broker+"/"+o.own.key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := sdk.Ensure(ctx, sdk.EnsureOps[*server]{
		Find: func(ctx context.Context) (*server, bool, error) {
			s, err := p.glance(ctx, ref{ownKey: o.own})
			if sdk.KindOf(err) == sdk.NotFound {
				p.step("create.looked")
				return nil, false, nil
			}
			return s, err == nil, err
		},
		Request: func(s *server) string { return s.owner().GetRequest() },
		Create:  func(ctx context.Context) (*server, error) { return p.buy(ctx, o) },
	}, req.GetOwner())
	if err != nil {
		return nil, err
	}
	return p.instance(s), nil
}

// buy sends the request once.
func (p *Provider) buy(ctx context.Context, o *order) (*server, error) {
	const op = "create server"
	body, err := o.body()
	if err != nil {
		return nil, &sdk.Error{Kind: sdk.Internal, Op: op, Source: sdk.SourcePlugin, Err: err}
	}
	if before, may := p.memory.sending(o.own); !may {
		return nil, p.unanswered(op, o.own, before)
	}
	asked := time.Now()
	answer, err := p.wire.Post(ctx, "/server", body)
	p.step("create.answered")
	var s *server
	if err == nil {
		s, err = decodeServer(answer)
	}
	p.changed()
	if err == nil {
		p.memory.learn(s, asked)
		p.log.Info("server made", "server", s.uuid, "zone", s.zone, "plan", s.plan, "key", o.own.key)
		p.step("create.made")
		return s, nil
	}
	e := failed(op, fmt.Sprintf("%s in %s", o.req.GetOffer().GetShape(), o.machine.Zone), err, true)
	if sdk.KindOf(e) != sdk.Uncertain {
		p.memory.answered(o.own)
		return nil, p.refused(e)
	}
	if s := p.lost(ctx, o.own); s != nil {
		p.log.Info("server made, though the answer was lost", "server", s.uuid, "zone", s.zone, "key", o.own.key, "because", e)
		p.step("create.found")
		return s, nil
	}
	return nil, e
}

// unanswered is why something is not asked for again yet.
func (p *Provider) unanswered(op string, own ownKey, before time.Time) error {
	return &sdk.Error{
		Kind: sdk.Uncertain, Op: op, Subject: "key " + own.key, Source: sdk.SourceProvider, RetryAfter: p.timing.first,
		Text: fmt.Sprintf("it was asked for %s ago without an answer and may still appear", time.Since(before).Round(time.Second)),
	}
}

// lost looks for a server of which there was no answer: once, and again for a part
// of the time that it may take. nil: it is not there yet, or cannot be asked for.
func (p *Provider) lost(ctx context.Context, own ownKey) *server {
	give, between := time.Now().Add(p.timing.window/6), p.timing.between()
	for {
		s, err := p.find(ctx, ref{ownKey: own})
		if err == nil {
			return s
		}
		wait := max(between.NextBackOff()/2, retryAfterOf(err))
		if time.Now().Add(wait).After(give) || !pause(ctx, wait) {
			return nil
		}
	}
}

// refused puts right what a refusal of a new server means: that something is not
// there is then no answer about the server.
func (p *Provider) refused(err error) error {
	e, ok := err.(*sdk.Error)
	if !ok || e.Kind != sdk.NotFound {
		return err
	}
	// What the offer was made of is gone; the next one shall know.
	p.templates.forget()
	p.networks.forget()
	e.Kind = sdk.Unsupported
	e.Hint = "a template, network or volume that the offer was made of is gone: ask for offers again"
	return e
}

// changed has the next offer ask again what the account uses and what is in stock.
func (p *Provider) changed() {
	p.uses.forget()
	p.ipv4s.forget()
	p.stocks.forget()
}
