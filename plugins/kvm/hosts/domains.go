package hosts

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"libvirt.org/go/libvirt"
)

// listTTL bounds how long a list of domains is believed without any event.
const listTTL = 10 * time.Second

// Domain is one domain as its host had it. Values are shared: read only.
type Domain struct {
	UUID, Name string
	// ID is libvirt's number of this run of the domain; 0 while it does not run.
	ID uint
	// XML describes the running domain, or what it will be when started.
	XML string
}

// Active reports whether the domain ran.
func (d *Domain) Active() bool { return d.ID != 0 }

// cache holds what events leave valid.
type cache struct {
	mu sync.Mutex
	// told is whether events are heard: without them nothing that was read is believed
	// a second time.
	told bool
	// epoch counts changes: what was read before one is not stored after it.
	epoch   uint64
	domains map[string]*Domain
	list    []*Domain
	listAt  time.Time
}

// reset forgets everything. told says whether events are heard from now on.
func (c *cache) reset(told bool) {
	c.mu.Lock()
	c.told = told
	c.mu.Unlock()
	c.forget("")
}

func (c *cache) forget(uuid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.list = nil
	if uuid == "" {
		c.domains = make(map[string]*Domain)
		return
	}
	delete(c.domains, uuid)
}

func (c *cache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *cache) recent() ([]*Domain, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.told || c.list == nil || time.Since(c.listAt) > listTTL {
		return nil, false
	}
	return c.list, true
}

// Domains lists the host's domains as events have left them: what is true on
// the host may be some milliseconds ahead of it. Until events are heard, it asks.
func (h *Host) Domains(ctx context.Context) ([]*Domain, error) {
	if list, ok := h.cache.recent(); ok {
		return list, nil
	}
	return h.list(ctx, true)
}

// Known reports whether the last list had a domain, without asking the host.
func (h *Host) Known(uuid string) bool {
	h.cache.mu.Lock()
	defer h.cache.mu.Unlock()
	return h.cache.domains[uuid] != nil
}

// DomainsNow lists the host's domains as they are after the call began. A
// domain that still is in the same run as when it was read last is not read
// again where events are heard: they tell what changes during a run. An inactive
// one is always read.
func (h *Host) DomainsNow(ctx context.Context) ([]*Domain, error) {
	return h.list(ctx, false)
}

// reading is a list and the epoch that it was begun in; nil stands for domains
// that were gone before they could be read.
type reading struct {
	epoch   uint64
	domains []*Domain
}

func (h *Host) list(ctx context.Context, idle bool) ([]*Domain, error) {
	found, err := Ask(ctx, h, "list domains", func(c *libvirt.Connect) (reading, error) {
		epoch := h.cache.now()
		doms, err := c.ListAllDomains(0)
		if err != nil {
			return reading{}, err
		}
		out := make([]*Domain, len(doms))
		var g errgroup.Group
		g.SetLimit(4)
		for i := range doms {
			g.Go(func() error {
				defer doms[i].Free()
				var err error
				out[i], err = h.read(ctx, &doms[i], idle)
				return err
			})
		}
		return reading{epoch, out}, g.Wait()
	})
	if err != nil {
		return nil, err
	}
	var list []*Domain
	for _, d := range found.domains {
		if d != nil {
			list = append(list, d)
		}
	}
	h.cache.store(found.epoch, list)
	return list, nil
}

// read is one domain, nil if it is gone by now. idle believes the cache about
// inactive domains too.
func (h *Host) read(ctx context.Context, dom *libvirt.Domain, idle bool) (*Domain, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	uuid, err := dom.GetUUIDString()
	if err != nil {
		return nil, err
	}
	// GetID is an error for an inactive domain.
	id, err := dom.GetID()
	if err != nil {
		id = 0
	}
	h.cache.mu.Lock()
	have, told := h.cache.domains[uuid], h.cache.told
	h.cache.mu.Unlock()
	if told && have != nil && have.ID == id && (id != 0 || idle) {
		return have, nil
	}
	name, err := dom.GetName()
	if err != nil {
		return nil, err
	}
	xml, err := dom.GetXMLDesc(0)
	if Is(err, libvirt.ERR_NO_DOMAIN) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Domain{UUID: uuid, Name: name, ID: id, XML: xml}, nil
}

func (c *cache) store(epoch uint64, list []*Domain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return
	}
	if list == nil {
		list = []*Domain{}
	}
	c.list, c.listAt = list, time.Now()
	clear(c.domains)
	for _, d := range list {
		c.domains[d.UUID] = d
	}
}
