package alloc_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// cloud is a provider in memory that keeps the contract, with faults to order.
// It outlives the engines that use it, as a real one does.
type cloud struct {
	name string

	mu     sync.Mutex
	amount string // price of an hour
	vcpus  int
	// quoteOnly offers cannot be bought.
	quoteOnly string
	expires   time.Time
	machines  map[string]core.Instance // by key
	requests  map[string]string        // request hash by key
	creates   int
	deletes   int
	// createFault is asked before a Create has its effect and after; an error
	// ends the call there.
	createFault func(n int, after bool) error
	getFault    func() error
	deleteFault func() error
	// slow machines stay creating for so many looks.
	slow    int
	offered bool
	window  int64
	// counted inventory is not live: refusals of it are remembered.
	counted       bool
	describeFault func() error
	// serves reports whether the way of an attachment is there.
	serves   func(attachment string) bool
	consumer core.Consumer
	// pledges are those of every Offer and Create.
	pledges            []core.Pledge
	attaches, detaches int
	// These faults are asked before a call has its effect and after.
	attachFault, detachFault func(n int, after bool) error
	// lame deletions are answered and do nothing.
	lame bool
	// grow makes the file of an attachment larger; nil: its machines cannot.
	grow    func(attachment string, sizeBytes int64)
	grows   int
	growing func(n int, after bool) error
}

func newCloud(name, amount string, now time.Time) *cloud {
	return &cloud{
		name: name, amount: amount, vcpus: 2, expires: now.Add(time.Minute), offered: true,
		machines: map[string]core.Instance{}, requests: map[string]string{},
	}
}

func (c *cloud) Name() string   { return c.name }
func (c *cloud) Plugin() string { return "cloud" }

func (c *cloud) offer() core.Offer {
	return core.Offer{
		ID: "small", Provider: c.name, Plugin: "cloud", Zone: "z1", Shape: "small", VCPUs: c.vcpus, MemoryMiB: 512, Arch: "x86_64",
		Unknown: []string{}, Quantities: []pricing.Quantity{{SKU: "vm", Amount: "1"}}, ListRevision: "r-" + c.amount, ExpiresAt: c.expires,
		QuoteOnly: c.quoteOnly, Consumer: c.consumer,
	}
}

func (c *cloud) Offer(_ context.Context, pledge core.Pledge, q core.OfferQuery, emit func([]core.Offer, []core.Reason) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pledges = append(c.pledges, pledge)
	if !c.offered {
		return emit(nil, []core.Reason{{Field: "slots", Text: "full"}})
	}
	if q.OfferID != "" && q.OfferID != "small" {
		return nil
	}
	return emit([]core.Offer{c.offer()}, nil)
}

func (c *cloud) PriceList(context.Context) (*pricing.List, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := pricing.NewMoney(c.amount, "EUR")
	if err != nil {
		return nil, err
	}
	return &pricing.List{Revision: "r-" + c.amount, Source: "test", Prices: []pricing.Price{{SKU: "vm", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: m}}}, nil
}

func (c *cloud) Describe(context.Context) (core.Description, error) {
	if c.describeFault != nil {
		if err := c.describeFault(); err != nil {
			return core.Description{}, err
		}
	}
	about := core.Description{Name: "cloud", LiveInventory: !c.counted, ConsistencyWindowMS: c.window}
	if c.grow != nil {
		about.Services = []string{"meson.plugin.v1.AttachmentResizer"}
	}
	return about, nil
}

func (c *cloud) Create(_ context.Context, req core.CreateRequest) (core.Instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.creates++
	c.pledges = append(c.pledges, req.Pledge)
	if c.createFault != nil {
		if err := c.createFault(c.creates, false); err != nil {
			return core.Instance{}, err
		}
	}
	key := req.Owner.Key
	inst, there := c.machines[key]
	if there && c.requests[key] != req.Owner.Request {
		return core.Instance{}, core.Errorf(core.Conflict, "another request under %s", key)
	}
	if !there {
		inst = core.Instance{ID: "id-" + key, Provider: c.name, Owner: req.Owner, Name: req.Name, State: core.Creating, Zone: "z1", Shape: "small", Consumer: c.consumer}
	}
	inst = c.age(inst)
	c.machines[key], c.requests[key] = inst, req.Owner.Request
	for _, a := range req.Attachments {
		var err error
		if inst, err = c.take(key, a); err != nil {
			return inst, err
		}
	}
	if c.createFault != nil {
		if err := c.createFault(c.creates, true); err != nil {
			return core.Instance{}, err
		}
	}
	return inst, nil
}

func (c *cloud) age(inst core.Instance) core.Instance {
	if inst.State == core.Creating {
		if c.slow--; c.slow < 0 {
			inst.State = core.Running
		}
	}
	return inst
}

func (c *cloud) Get(_ context.Context, ref core.InstanceRef) (core.Instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.getFault != nil {
		if err := c.getFault(); err != nil {
			return core.Instance{}, err
		}
	}
	inst, ok := c.machines[ref.Owner.Key]
	if !ok {
		return inst, core.Errorf(core.NotFound, "no machine under %s", ref.Owner.Key)
	}
	return inst, nil
}

func (c *cloud) Delete(_ context.Context, ref core.InstanceRef) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deletes++
	if c.deleteFault != nil {
		if err := c.deleteFault(); err != nil {
			return err
		}
	}
	if !c.lame {
		delete(c.machines, ref.Owner.Key)
	}
	return nil
}

func (c *cloud) Watch(ctx context.Context, ref core.InstanceRef, each func(core.Instance) error) error {
	c.mu.Lock()
	inst, ok := c.machines[ref.Owner.Key]
	if ok {
		inst = c.age(inst)
		c.machines[ref.Owner.Key] = inst
	}
	c.mu.Unlock()
	if !ok {
		return core.Errorf(core.NotFound, "gone")
	}
	return each(inst)
}

func (c *cloud) Attach(_ context.Context, ref core.InstanceRef, _ string, a core.Attachment) (core.Instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attaches++
	if err := fault(c.attachFault, c.attaches, false); err != nil {
		return core.Instance{}, err
	}
	inst, err := c.take(ref.Owner.Key, a)
	if err != nil {
		return core.Instance{}, err
	}
	return inst, fault(c.attachFault, c.attaches, true)
}

// take gives a machine a volume.
func (c *cloud) take(key string, a core.Attachment) (core.Instance, error) {
	inst, there := c.machines[key]
	switch {
	case !there:
		return inst, core.Errorf(core.NotFound, "no machine under %s", key)
	case !c.serves(a.ID) || a.Connection.File == nil && a.Connection.ISCSI == nil || a.Connection.ISCSI != nil && a.Connection.ISCSI.CHAPPassword.Reveal() != "Correct-Horse-"+a.ID:
		return inst, core.Errorf(core.Unavailable, "attachment %s is not served", a.ID)
	}
	if !slices.ContainsFunc(inst.Attachments, func(b core.Attachment) bool { return b.ID == a.ID }) {
		a.Connection = core.Connection{Kind: a.Connection.Kind}
		inst.Attachments = append(slices.Clip(inst.Attachments), a)
	}
	c.machines[key] = inst
	return inst, nil
}

func (c *cloud) Detach(_ context.Context, ref core.InstanceRef, _, attachment string) (core.Instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detaches++
	if err := fault(c.detachFault, c.detaches, false); err != nil {
		return core.Instance{}, err
	}
	inst, there := c.machines[ref.Owner.Key]
	if !there {
		return inst, core.Errorf(core.NotFound, "no machine")
	}
	inst.Attachments = slices.DeleteFunc(slices.Clone(inst.Attachments), func(b core.Attachment) bool { return b.ID == attachment })
	c.machines[ref.Owner.Key] = inst
	return inst, fault(c.detachFault, c.detaches, true)
}

// has reports whether one of its machines has an attachment.
func (c *cloud) has(attachment string) bool {
	for _, inst := range c.machines {
		if slices.ContainsFunc(inst.Attachments, func(b core.Attachment) bool { return b.ID == attachment }) {
			return true
		}
	}
	return false
}

func (c *cloud) Restart(context.Context) error { return nil }

func (c *cloud) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.machines)
}

func (c *cloud) quote(id string) core.Quote {
	list, err := c.PriceList(context.Background())
	if err != nil {
		panic(err)
	}
	price, err := list.Quote(c.offer().Quantities, pricing.Month)
	if err != nil {
		panic(fmt.Sprint("quote: ", err))
	}
	return core.Quote{ID: id, Offer: c.offer(), Price: price}
}
