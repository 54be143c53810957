package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
)

// closeTimeout bounds Close, whatever plugins do: less than 3 s, with what
// comes after it.
const closeTimeout = 2800 * time.Millisecond

// Host holds the plugins of one broker. Nothing is started before it is used.
// It is safe for concurrent use, and must be closed.
type Host struct {
	opts        Options
	reattach    map[string]string
	reattachErr error
	runtime     *runtimeDir

	ctx     context.Context // of everything that belongs to no call
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	plugins map[target]*Plugin
	closed  bool
}

// target is which plugin is meant: two addresses are two plugins.
type target struct{ name, address string }

// New makes a Host. It touches nothing yet.
func New(opts Options) *Host {
	h := &Host{opts: opts.filled(), plugins: make(map[target]*Plugin)}
	h.reattach, h.reattachErr = parseReattach(h.opts.Reattach)
	h.runtime = &runtimeDir{asked: h.opts.RuntimeDir}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Installed is every plugin file that the host can see, see Finder.List.
func (h *Host) Installed() []Found { return h.opts.Finder.List() }

// Plugin is the plugin of a name, started and described. Different plugins
// start at the same time. Errors: NotFound and Denied as Finder.Find has them,
// Unavailable where it does not start.
func (h *Host) Plugin(ctx context.Context, name string) (*Plugin, error) {
	p, err := h.plugin(name, "")
	if err != nil {
		return nil, err
	}
	if _, err := p.session(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Provider is the provider of a configuration. It costs nothing: the plugin is
// started and configured when the provider is first used.
func (h *Host) Provider(cfg core.ProviderConfig) *Provider {
	p, err := h.plugin(cfg.Plugin, cfg.Connect)
	return &Provider{host: h, plugin: p, err: err, config: cfg, sum: sumOf(cfg)}
}

func (h *Host) plugin(name, address string) (*Plugin, error) {
	if err := checkName(name); err != nil {
		return nil, &core.Error{Kind: core.Invalid, Op: "find plugin", Subject: fmt.Sprintf("plugin %.40q", name), Text: err.Error()}
	}
	if h.reattachErr != nil {
		return nil, h.reattachErr
	}
	if address == "" {
		address = h.reattach[name]
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := target{name, address}
	p := h.plugins[key]
	if p == nil {
		p = newPlugin(h, name, address)
		p.closed = h.closed
		h.plugins[key] = p
	}
	return p, nil
}

// Close drains every plugin that was started, ends it, and removes what was made
// for it. It returns within 3 s, whatever plugins do; a ctx that ends only cuts
// the draining short. Calls under way end with errors, later ones are refused.
// Plugins that were dialled are left alone. The error names processes that did
// not die.
func (h *Host) Close(ctx context.Context) error {
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	h.mu.Lock()
	h.closed = true
	plugins := make([]*Plugin, 0, len(h.plugins))
	for _, p := range h.plugins {
		plugins = append(plugins, p)
	}
	h.mu.Unlock()
	faults := make([]error, len(plugins))
	var closing sync.WaitGroup
	for i, p := range plugins {
		closing.Go(func() {
			if err := p.close(ctx); err != nil {
				faults[i] = fmt.Errorf("plugin %s: %w", p.name, err)
			}
		})
	}
	h.cancel() // starts under way
	done := make(chan struct{})
	go func() { closing.Wait(); h.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-timeout.C:
		h.runtime.close()
		return errors.New("plugins did not end in time")
	}
	for _, p := range plugins {
		p.binary.close()
	}
	h.runtime.close()
	return errors.Join(faults...)
}
