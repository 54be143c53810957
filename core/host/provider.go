package host

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Provider is one configured provider, as the broker sees it. Its plugin is
// started, and the provider configured, by the first call and again after each
// restart.
//
// Every method returns errors of type *core.Error. A call that reads and finds
// no answer is Unavailable, and so is one of a machine where the plugin is not
// installed: NotFound is the provider's word alone; one that changes something is Uncertain once it was
// sent, whatever ended it: the deadline, the context, the plugin's death or an
// answer that cannot be used. A plugin that cannot do what is asked is
// Unsupported; nothing was sent. What a plugin answers against the contract is
// Internal with Source plugin, and the faults are listed. Calls end by the
// deadline of their context or, if that has none, by the host's own, Watch and
// Console excepted. All methods may be called concurrently.
type Provider struct {
	host   *Host
	plugin *Plugin
	err    error // why there is no plugin
	config core.ProviderConfig
	sum    string // of config

	doubt doubt
}

// Name is the provider's name, such as rack1.
func (p *Provider) Name() string { return p.config.Name }

// Plugin is the name of its plugin, such as kvm.
func (p *Provider) Plugin() string { return p.config.Plugin }

// Describe is what its plugin says of itself. It does not need the provider's
// configuration.
func (p *Provider) Describe(ctx context.Context) (core.Description, error) {
	if p.err != nil {
		return core.Description{}, p.err
	}
	return p.plugin.Describe(ctx)
}

// Restart ends the process in which this provider's last uncertain call was
// made, unless it has ended already, and makes sure that another one runs. When
// it returns, nothing of that call acts any more, unless the error says that the
// process does not die. It is what comes before an uncertain outcome is looked
// up. Other providers' calls in the same process end too. Without an uncertain
// call it restarts what runs. A plugin that was dialled is only connected to
// again.
func (p *Provider) Restart(ctx context.Context) error {
	if p.err != nil {
		return p.err
	}
	if s := p.doubt.take(); s != nil {
		return p.plugin.replace(ctx, s)
	}
	return p.plugin.Restart(ctx)
}

// Check tries what the provider answers and what its credentials allow, and
// changes nothing. At most 1,000 items.
func (p *Provider) Check(ctx context.Context) ([]core.CheckItem, error) {
	var items []core.CheckItem
	err := p.read(ctx, "check provider", "", 2*p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		answer, err := pb.NewPluginClient(s.conn).Check(ctx, &pb.CheckRequest{Provider: p.config.Name}, grpc.MaxCallRecvMsgSize(maxDescribeBytes))
		if err != nil {
			return err
		}
		items, err = checkItems(answer.GetItems())
		return err
	})
	return items, err
}

// PriceList is what the provider's SKUs cost. A list with a fault is refused as
// a whole, and the faults are named.
func (p *Provider) PriceList(ctx context.Context) (*pricing.List, error) {
	var list *pricing.List
	err := p.read(ctx, "ask for prices", "", p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		answer, err := pb.NewPluginClient(s.conn).PriceList(ctx, &pb.PriceListRequest{Provider: p.config.Name})
		if err != nil {
			return err
		}
		list, err = priceList(answer.GetList())
		return err
	})
	return list, err
}

func (p *Provider) read(ctx context.Context, op, service string, timeout time.Duration, fn func(ctx context.Context, s *session) error) error {
	return p.call(ctx, op, service, false, timeout, fn)
}

func (p *Provider) change(ctx context.Context, op, service string, fn func(ctx context.Context, s *session) error) error {
	return p.call(ctx, op, service, true, p.host.opts.EffectTimeout, fn)
}

// call starts and configures what has to be, and makes the call. Only what fn
// does counts as sent.
func (p *Provider) call(ctx context.Context, op, service string, effect bool, timeout time.Duration, fn func(ctx context.Context, s *session) error) error {
	if p.err != nil {
		return p.err
	}
	subject := "provider " + p.config.Name
	s, err := p.plugin.session(ctx)
	if err != nil {
		return notReached(service, err)
	}
	if service != "" && !s.has(service) {
		return &core.Error{
			Kind: core.Unsupported, Op: op, Subject: subject, Source: core.SourcePlugin,
			Text: "plugin " + p.config.Plugin + " does not serve " + service,
		}
	}
	configure := call{plugin: p.plugin, session: s, op: "configure provider", subject: subject, timeout: p.host.opts.CallTimeout}
	if err := configure.do(ctx, func(ctx context.Context) error { return s.configure(ctx, p.config, p.sum) }); err != nil {
		return notReached(service, err)
	}
	c := call{plugin: p.plugin, session: s, op: op, subject: subject, effect: effect, timeout: timeout}
	err = c.do(ctx, func(ctx context.Context) error { return fn(ctx, s) })
	if effect && core.KindOf(err) == core.Uncertain {
		p.doubt.put(s)
	}
	return err
}

// notReached is the error of a call that was not sent. A plugin, or something of
// its configuration, that is not there says nothing about what a service was
// asked for: NotFound would be taken for the absence of a machine.
func notReached(service string, err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if service == "" || !ok || e.Kind != core.NotFound {
		return err
	}
	unreached := *e
	unreached.Kind = core.Unavailable
	return &unreached
}

// tooLarge is the error of a request that cannot be sent, nil if it can. It is
// asked before sending, since afterwards one cannot tell it from an answer that
// is too large.
func tooLarge(size int) error {
	if size <= sdk.MaxMessageBytes {
		return nil
	}
	return &core.Error{
		Kind: core.Invalid, Text: "the request is larger than 16 MiB; nothing was sent",
		Hint: "user data is the usual reason",
	}
}
