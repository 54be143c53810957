package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// memBroker is an api.Broker without plugins or a ledger, for the stories of
// the command line alone: rack1 has 4 GiB of memory, cloud1 any and costs more.
// faults make an operation fail, hangs make it wait for its context's end, or
// for ever with "stubborn". The broker itself is tested elsewhere.
type memBroker struct {
	api.Prices  // nil: stories about prices give it some
	api.Volumes // nil: stories about volumes have a real broker
	api.Images  // nil, as Volumes

	mu        sync.Mutex
	opened    int
	providers []api.ProviderInfo
	found     []core.Discovery
	allocs    []core.Allocation
	events    []core.Event
	faults    map[string]*core.Error
	hangs     map[string]string
	entered   chan string
	released  chan struct{}
	evil      string
	logs      io.Writer
	warning   string
}

var _ api.Broker = (*memBroker)(nil)

func newMemBroker() *memBroker {
	b := &memBroker{
		faults: map[string]*core.Error{}, hangs: map[string]string{},
		entered: make(chan string, 16), released: make(chan struct{}),
	}
	for _, name := range []string{"rack1", "cloud1"} {
		about := &core.Description{Name: "mem", Version: "v1", Services: []string{"meson.plugin.v1.Compute"}}
		if name == "rack1" {
			about.Services = append(about.Services, "meson.plugin.v1.Console")
		}
		b.providers = append(b.providers, api.ProviderInfo{ProviderConfig: core.ProviderConfig{Name: name, Plugin: "mem", CreatedAt: now()}, Description: about})
	}
	return b
}

func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// enter is what every operation begins with.
func (b *memBroker) enter(ctx context.Context, op string) error {
	b.mu.Lock()
	fault, hang := b.faults[op], b.hangs[op]
	b.mu.Unlock()
	b.entered <- op
	switch hang {
	case "stubborn":
		<-b.released
	case "":
	default:
		<-ctx.Done()
	}
	if hang != "" && ctx.Err() != nil {
		return ctx.Err()
	}
	if fault != nil {
		return fault
	}
	return nil
}

func (b *memBroker) list(provider string) *pricing.List {
	factor := map[string]string{"rack1": "0.01", "cloud1": "0.0203"}[provider]
	money := func(s string) pricing.Money {
		m, err := pricing.NewMoney(s, "EUR")
		if err != nil {
			panic(err)
		}
		return m
	}
	return &pricing.List{Revision: "r1", Source: provider + " book", AsOf: now().Truncate(24 * time.Hour), Prices: []pricing.Price{
		{SKU: "core", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: money(factor)},
		{SKU: "memory", Kind: pricing.KindMemory, Unit: pricing.UnitGiBHour, Amount: money("0.0025")},
		{SKU: "disk", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: money("0.05")},
	}}
}

func (b *memBroker) answer(p core.Pledge, provider string, h pricing.Horizon) (core.Answer, []core.Quote) {
	ans := core.Answer{Provider: provider, Plugin: "mem", Took: 5 * time.Millisecond}
	if provider == "rack1" && p.MemoryMiB > 4096 {
		ans.Reasons = []core.Reason{{
			Provider: provider, Candidate: "h1", Field: "ramsize", Want: fmt.Sprint(p.MemoryMiB), Have: "4096",
			Text: "4096 MiB free" + b.evil, Relax: "ramsize=4096",
		}}
		return ans, nil
	}
	o := core.Offer{
		ID: provider + "-1", Provider: provider, Plugin: "mem", Region: "eu", Zone: map[string]string{"rack1": "h1", "cloud1": "eu-1"}[provider] + b.evil,
		Shape: "own", VCPUs: p.Slots, MemoryMiB: p.MemoryMiB, Arch: "x86_64", ListRevision: "r1", ExpiresAt: now().Add(time.Minute),
		Quantities: []pricing.Quantity{
			{SKU: "core", Amount: fmt.Sprint(p.Slots), Divisor: int64(max(p.Overprovision, 1))},
			{SKU: "memory", Amount: fmt.Sprint(p.MemoryMiB), Divisor: 1024},
			{SKU: "disk", Amount: fmt.Sprint(p.BootDiskGiB)},
		},
	}
	if provider == "cloud1" {
		o.Unknown = []string{"reqECC"}
	}
	price, err := b.list(provider).Quote(o.Quantities, h)
	if err != nil {
		panic(err)
	}
	ans.Offers = []core.Offer{o}
	return ans, []core.Quote{{ID: "q-" + provider, Offer: o, Price: price}}
}

func (b *memBroker) Offers(ctx context.Context, req api.OffersRequest) (api.OffersResult, error) {
	if err := b.enter(ctx, "offers"); err != nil {
		return api.OffersResult{}, err
	}
	if len(b.providers) == 0 {
		return api.OffersResult{}, core.Errorf(core.NoOffer, "no provider is configured")
	}
	var res api.OffersResult
	var quotes []core.Quote
	for _, p := range b.providers {
		if req.Policy.Provider != "" && p.Name != req.Policy.Provider {
			continue
		}
		ans, qs := b.answer(req.Pledge, p.Name, req.Horizon)
		if f := b.faults["ask "+p.Name]; f != nil {
			ans, qs = core.Answer{Provider: p.Name, Plugin: "mem", Err: f}, nil
			res.Failures = append(res.Failures, ans)
		}
		quotes, res.Reasons = append(quotes, qs...), append(res.Reasons, ans.Reasons...)
		if req.OnAnswer != nil {
			req.OnAnswer(ans)
		}
	}
	placement, left := place.Choose(quotes, req.Policy)
	res.Quotes, res.Why, res.Reasons = placement.Quotes, placement.Why, append(res.Reasons, left...)
	if req.Limit > 0 {
		res.Quotes = res.Quotes[:min(req.Limit, len(res.Quotes))]
	}
	return res, nil
}

func (b *memBroker) Deploy(ctx context.Context, req api.DeployRequest) (core.Allocation, error) {
	res, err := b.Offers(ctx, api.OffersRequest{Pledge: req.Pledge, Horizon: req.Horizon, Policy: req.Policy, OnAnswer: req.OnAnswer})
	if err != nil {
		return core.Allocation{}, err
	}
	name := req.Name
	if name == "" {
		name = "brave-fox"
	}
	if i, err := b.find(name); err == nil && b.allocs[i].Pledge.MemoryMiB != req.Pledge.MemoryMiB {
		return core.Allocation{}, &core.Error{
			Kind: core.Conflict, Op: "deploy", Subject: name, Text: "it has another spec", Faults: []core.Fault{{Path: "ramsize", Text: "it differs"}},
		}
	} else if err == nil {
		return b.allocs[i], nil
	}
	if len(res.Quotes) == 0 {
		return core.Allocation{}, core.Errorf(core.NoOffer, "nobody can provide it")
	}
	q := res.Quotes[0]
	switch i := slices.IndexFunc(res.Quotes, func(q core.Quote) bool { return q.ID == req.OfferID }); {
	case req.OfferID != "" && i < 0:
		return core.Allocation{}, core.Errorf(core.NotFound, "no offer %s", req.OfferID)
	case req.OfferID != "":
		q = res.Quotes[i]
	case req.Choose != nil:
		if q, err = req.Choose(res); err != nil {
			return core.Allocation{}, err
		}
	}
	alloc := core.Allocation{Name: name, State: core.Pending, Pledge: req.Pledge, Offer: &q, CreatedAt: now(), UpdatedAt: now()}
	if req.DryRun {
		return alloc, nil
	}
	alloc.ID = fmt.Sprintf("a%09d", len(b.allocs)+1)
	for i, step := range []string{"create.sent", "create.done"} {
		req.Progress(api.Progress{Allocation: alloc.ID, Step: step, Text: step + " at " + q.Provider, Since: time.Duration(i) * time.Second})
	}
	if b.warning != "" {
		fmt.Fprintln(b.logs, b.warning)
	}
	err = b.enter(ctx, "deploy")
	switch {
	case err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded), core.KindOf(err) == core.Uncertain:
		alloc.State = core.Creating
		err = &core.Error{Kind: core.Uncertain, Op: "create", Text: "not finished in time"}
	case err != nil && ctx.Err() != nil:
		alloc.State, err = core.Failed, core.Errorf(core.Interrupted, "interrupted before it ran, and undone")
	case err != nil:
		alloc.State = core.Failed
	default:
		alloc.State = core.Running
		alloc.Instance = &core.Instance{
			ID: "i-1", Provider: q.Provider, State: core.Running, Zone: q.Zone, Console: "vnc://10.0.0.1:5900",
			Addresses: []core.Address{{IP: "10.0.0.5", Network: "lan"}},
		}
	}
	b.allocs = append(b.allocs, alloc)
	b.events = append(b.events, core.Event{Seq: int64(len(b.events) + 1), Allocation: alloc.ID, Time: now(), Step: "deployed", Text: string(alloc.State) + b.evil})
	if err == nil && req.WaitFor != api.WaitRunning {
		req.Progress(api.Progress{Allocation: alloc.ID, Step: "wait." + string(req.WaitFor), Text: "waiting for " + string(req.WaitFor)})
		if b.enter(ctx, "wait") != nil {
			err = &core.Error{Kind: core.Uncertain, Op: "deploy", Subject: "allocation " + alloc.ID, Text: "it runs and is kept; the wait ended before", Hint: "meson show " + name}
		}
	}
	return alloc, err
}

func (b *memBroker) find(name string) (int, error) {
	i := slices.IndexFunc(b.allocs, func(a core.Allocation) bool { return a.Name == name || strings.HasPrefix(a.ID, name) })
	if i < 0 {
		return 0, &core.Error{Kind: core.NotFound, Subject: "allocation " + name, Text: "not found", Hint: "meson ls --all"}
	}
	return i, nil
}

func (b *memBroker) Show(ctx context.Context, name string) (core.Allocation, []core.Attempt, error) {
	i, err := b.find(name)
	if err = errors.Join(err, b.enter(ctx, "show")); err != nil {
		return core.Allocation{}, nil, err.(interface{ Unwrap() []error }).Unwrap()[0]
	}
	a := b.allocs[i]
	if b.faults["crash"] != nil {
		inst := *a.Instance
		inst.State, inst.Message = core.Stopped, "crashed: its process ended"
		a.State, a.Instance = inst.State, &inst
	}
	return a, []core.Attempt{{Allocation: a.ID, Number: 1, Quote: *a.Offer, State: core.AttemptMade, InstanceID: "i-1", CreatedAt: now(), UpdatedAt: now()}}, nil
}

func (b *memBroker) List(ctx context.Context, req api.ListRequest) ([]core.Allocation, error) {
	if err := b.enter(ctx, "list"); err != nil {
		return nil, err
	}
	var out []core.Allocation
	for _, a := range b.allocs {
		if req.All || !a.State.Final() {
			out = append(out, a)
		}
	}
	return out, nil
}

func (b *memBroker) Attachments(context.Context, string) ([]core.AttachmentRecord, error) {
	return nil, nil
}

func (b *memBroker) ResumeVolumes(context.Context, func(api.Progress)) ([]api.VolumeInfo, error) {
	return nil, nil
}

func (b *memBroker) Remove(ctx context.Context, req api.RemoveRequest) (core.Allocation, error) {
	if err := b.enter(ctx, "remove"); err != nil {
		return core.Allocation{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(req.Name)
	if err != nil {
		return core.Allocation{}, err
	}
	req.Progress(api.Progress{Allocation: b.allocs[i].ID, Name: b.allocs[i].Name, Step: "delete.sent", Text: "deleting"})
	b.allocs[i].State, b.allocs[i].Instance = core.Gone, nil
	return b.allocs[i], nil
}

func (b *memBroker) Resume(ctx context.Context, name string, progress func(api.Progress)) ([]core.Allocation, error) {
	if err := b.enter(ctx, "resume"); err != nil {
		return nil, err
	}
	var out []core.Allocation
	var errs []error
	for i, a := range b.allocs {
		if a.State == core.Creating && (name == "" || a.Name == name || a.ID == name) {
			progress(api.Progress{Allocation: a.ID, Name: a.Name, Step: "adopted", Text: "adopted"})
			b.allocs[i].State = core.Running
			if b.faults["given-up"] != nil {
				b.allocs[i].State, b.allocs[i].Message = core.Failed, "given up before: interrupted while creating; undone now"
			}
			out = append(out, b.allocs[i])
			if f := b.faults["resume-all"]; f != nil {
				errs = append(errs, &core.Error{Kind: f.Kind, Subject: "allocation " + a.ID, Text: f.Text, Hint: "meson resume " + a.ID})
			}
		}
	}
	return out, errors.Join(errs...)
}

func (b *memBroker) Power(ctx context.Context, name string, action core.PowerAction, progress func(api.Progress)) (core.Allocation, error) {
	if err := b.enter(ctx, "power"); err != nil {
		return core.Allocation{}, err
	}
	i, err := b.find(name)
	if err != nil {
		return core.Allocation{}, err
	}
	progress(api.Progress{Allocation: b.allocs[i].ID, Step: "power", Text: string(action)})
	b.allocs[i].State = core.Running
	if strings.HasPrefix(string(action), "stop") {
		b.allocs[i].State = core.Stopped
	}
	return b.allocs[i], nil
}

// Console greets, then answers in capitals, and hangs up at a "!".
func (b *memBroker) Console(ctx context.Context, name string, force bool, stream io.ReadWriter) error {
	if _, err := b.find(name); err != nil {
		return err
	}
	if err := b.enter(ctx, "console"); err != nil && !force {
		return err
	}
	fmt.Fprint(stream, "login: ")
	for buf := make([]byte, 64); ; {
		n, err := stream.Read(buf)
		if _, werr := stream.Write(bytes.ToUpper(buf[:n])); werr != nil {
			return werr
		}
		if err != nil {
			return err
		}
		if bytes.Contains(buf[:n], []byte("!")) {
			return nil
		}
	}
}

func (b *memBroker) Events(ctx context.Context, name string, after int64, limit int) ([]core.Event, error) {
	if err := b.enter(ctx, "events"); err != nil {
		return nil, err
	}
	var out []core.Event
	for _, e := range b.events {
		if e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}
