// Command meson-plugin-folder is a whole plugin, as short as one can be that
// keeps the contract: its cloud is a directory, and each file in it a machine.
// docs/plugin-authors.md goes through it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func main() { os.Exit(sdk.Main(definition())) }

func definition() sdk.Definition[Config, *Folder] {
	return sdk.Definition[Config, *Folder]{
		Name: "folder", Version: "1.0.0", Summary: "Machines that are files in a directory.",
		LiveInventory: true, Open: open,
	}
}

// Config is schema, documentation and parser of a provider's settings.
type Config struct {
	Dir       string `json:"dir" required:"true" pattern:"^/" help:"Directory of the machines." example:"/var/lib/folder"`
	CoreHour  string `json:"core_hour" default:"0.01" pattern:"^[0-9]+([.][0-9]+)?$" help:"Price of a core for an hour, in EUR."`
	MemoryMiB uint64 `json:"memory_mib" default:"65536" min:"1" help:"Memory of the largest machine."`
}

// Folder is one provider.
type Folder struct {
	config *Config
	prices *pricing.List
}

var _ sdk.Compute = (*Folder)(nil)

func open(_ context.Context, _ string, c *Config, _ *slog.Logger) (*Folder, error) {
	amount, err := pricing.NewMoney(c.CoreHour, "EUR")
	if err != nil || amount.Sign() == 0 {
		return nil, &sdk.Error{Kind: sdk.Invalid, Op: "read settings", Faults: []sdk.Fault{{Path: "core_hour", Have: c.CoreHour, Want: "a price above zero"}}}
	}
	list := &pricing.List{
		Revision: "core-" + c.CoreHour, Source: "provider configuration", AsOf: time.Now().UTC(),
		Prices: []pricing.Price{{SKU: "core", Kind: pricing.KindCompute, Unit: pricing.UnitHour, Amount: amount}},
	}
	return &Folder{c, list}, list.Check()
}

// Check tries what this provider needs.
func (f *Folder) Check(context.Context) ([]*pb.CheckItem, error) {
	item := &pb.CheckItem{Subject: "directory", Verdict: pb.CheckItem_VERDICT_OK, Text: f.config.Dir}
	if why := f.missing(); why != "" {
		item.Verdict, item.Text, item.Hint = pb.CheckItem_VERDICT_FAILED, why, "make it"
	}
	return []*pb.CheckItem{item}, nil
}

// missing is why nothing can be made now, empty if it can.
func (f *Folder) missing() string {
	if info, err := os.Stat(f.config.Dir); err != nil || !info.IsDir() {
		return f.config.Dir + " is no directory"
	}
	return ""
}

// PriceList is what offers refer to by its revision.
func (f *Folder) PriceList(context.Context) (*pricing.List, error) { return f.prices, nil }

// Close has nothing to end.
func (f *Folder) Close(context.Context) error { return nil }

// Offer answers with the one machine that fits, or with every reason why not.
func (f *Folder) Offer(_ context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	p, answer := req.GetPledge(), &pb.OfferResponse{}
	no := func(field, text, relax string) {
		answer.Reasons = append(answer.Reasons, &pb.Reason{Field: field, Text: text, Relax: relax})
	}
	if most := f.config.MemoryMiB; p.GetMemoryMib() > most {
		no("ramsize", fmt.Sprintf("%d MiB: there are %d at most", p.GetMemoryMib(), most), fmt.Sprintf("ramsize=%d", most))
	}
	if a := p.GetArchs(); len(a) > 0 && !slices.Contains(a, "x86_64") {
		no("archs", "there is x86_64 alone", "archs=X86_64")
	}
	if len(p.GetPci())+len(p.GetVolumes()) > 0 || p.GetPublicIpv4() {
		no("", "files have no devices, no volumes and no addresses", "")
	}
	var unknown []string
	if len(p.GetCpuFlags()) > 0 {
		unknown = append(unknown, "flags") // unknown is not no, unless the user says so
	}
	if p.GetStrict() && len(unknown) > 0 {
		no("flags", "nobody knows the flags", "strict=false")
	}
	id := fmt.Sprintf("file-%dc-%dm", p.GetSlots(), p.GetMemoryMib())
	if len(answer.Reasons) == 0 && (req.GetOfferId() == "" || req.GetOfferId() == id) {
		answer.Offers = []*pb.Offer{{
			Id: id, Region: "local", Zone: "disk", Shape: id, Arch: "x86_64", Vcpus: p.GetSlots(), MemoryMib: p.GetMemoryMib(),
			Unknown: unknown, PriceListRevision: f.prices.Revision, ExpiresAt: timestamppb.New(time.Now().Add(time.Minute)),
			QuoteOnly:  f.missing(), // a price without credentials is better than none
			Quantities: []*pb.Quantity{{Sku: "core", Amount: fmt.Sprint(p.GetSlots()), Divisor: max(p.GetOverprovision(), 1)}},
		}}
	}
	return send(answer)
}

// Create makes the file, or finds it. The key is its name, so that the object
// carries it from its first moment; a link cannot take a name that is taken.
func (f *Folder) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	path := f.path(req.GetOwner().GetBroker(), req.GetOwner().GetKey())
	return sdk.Ensure(ctx, sdk.EnsureOps[*pb.Instance]{
		Find: func(context.Context) (*pb.Instance, bool, error) {
			i, err := read(path)
			return i, err == nil, unless(sdk.NotFound, err)
		},
		Request: func(i *pb.Instance) string { return i.GetOwner().GetRequest() },
		Create: func(context.Context) (*pb.Instance, error) {
			return write(path, &pb.Instance{
				Id: filepath.Base(path), Owner: req.GetOwner(), Name: req.GetName(), State: pb.InstanceState_INSTANCE_STATE_RUNNING,
				Region: "local", Zone: "disk", Shape: req.GetOffer().GetShape(), CreatedAt: timestamppb.Now(),
			})
		},
	}, req.GetOwner())
}

// Get finds by key or id.
func (f *Folder) Get(_ context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	return read(f.of(req.GetOwner(), req.GetId()))
}

// List sends the machines of one broker.
func (f *Folder) List(_ context.Context, req *pb.ListRequest, send func(*pb.Instance) error) error {
	paths, err := filepath.Glob(f.path(req.GetBroker(), "*"))
	for _, path := range paths {
		i, rerr := read(path)
		if rerr == nil {
			rerr = send(i)
		}
		err = errors.Join(err, unless(sdk.NotFound, rerr)) // it may go meanwhile
	}
	return err
}

// Delete removes the file; what is not there is done.
func (f *Folder) Delete(_ context.Context, req *pb.DeleteRequest) error {
	return unless(sdk.NotFound, failure(os.Remove(f.of(req.GetOwner(), req.GetId()))))
}

// Watch sends the machine at once, and GONE as its last word.
func (f *Folder) Watch(ctx context.Context, req *pb.GetRequest, send func(*pb.Instance) error) error {
	return watch(ctx, func() (*pb.Instance, error) { return f.Get(ctx, req) }, send)
}

func (f *Folder) path(broker, key string) string {
	return filepath.Join(f.config.Dir, broker+"."+key+".json")
}

func (f *Folder) of(owner *pb.Owner, id string) string {
	if id != "" {
		return filepath.Join(f.config.Dir, filepath.Base(id))
	}
	return f.path(owner.GetBroker(), owner.GetKey())
}
