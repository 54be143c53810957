package sdktest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Each defect below is one that an author could make. The suite must name it.

type duplicates struct{ *MemProvider }

func (d duplicates) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	_ = d.store.do(ctx, true, func(s *memState) error {
		for id, m := range s.Machines {
			if m.owner().GetKey() == req.GetOwner().GetKey() {
				// It no longer finds what it made, which is still there.
				m.Labels = maps.Clone(m.Labels)
				m.Labels[sdk.LabelKey] += "-old"
				s.Machines[id] = m
			}
		}
		return nil
	})
	return d.MemProvider.Create(ctx, req)
}

type ignoresRequest struct{ *MemProvider }

func (d ignoresRequest) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	if i, err := d.Get(ctx, &pb.GetRequest{Owner: req.GetOwner()}); err == nil {
		return i, nil
	}
	return d.MemProvider.Create(ctx, req)
}

type forgetsLabels struct{ *MemProvider }

func (d forgetsLabels) List(context.Context, *pb.ListRequest, func(*pb.Instance) error) error {
	return nil
}

type leaksOnDelete struct{ *MemProvider }

func (d leaksOnDelete) Get(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	i, err := d.MemProvider.Get(ctx, req)
	if err == nil && strings.HasPrefix(i.GetName(), "deleted-") {
		return nil, sdk.Errorf(sdk.NotFound, "no such machine")
	}
	return i, err
}

func (d leaksOnDelete) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	return d.store.do(ctx, true, func(s *memState) error {
		if m, ok := find(s.Machines, req.GetOwner(), req.GetId()); ok {
			m.Name = "deleted-" + m.Name
			s.Machines[m.ID] = m
		}
		return nil
	})
}

type unpriced struct{ *MemProvider }

func (d unpriced) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	return d.MemProvider.Offer(ctx, req, func(r *pb.OfferResponse) error {
		for _, o := range r.GetOffers() {
			o.Quantities = append(o.Quantities, &pb.Quantity{Sku: "licence", Amount: "1"})
		}
		return send(r)
	})
}

type unordered struct{ *MemProvider }

func (d unordered) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	return d.MemProvider.Offer(ctx, req, func(r *pb.OfferResponse) error {
		r = proto.CloneOf(r)
		if o := r.GetOffers(); len(o) == 2 {
			o[0], o[1] = o[1], o[0]
		}
		return send(r)
	})
}

type smaller struct{ *MemProvider }

func (d smaller) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	return d.MemProvider.Offer(ctx, req, func(r *pb.OfferResponse) error {
		for _, o := range r.GetOffers() {
			o.Vcpus = 1
		}
		return send(r)
	})
}

type silentNo struct{ *MemProvider }

func (d silentNo) Offer(ctx context.Context, req *pb.OfferRequest, send func(*pb.OfferResponse) error) error {
	return d.MemProvider.Offer(ctx, req, func(r *pb.OfferResponse) error {
		r.Reasons = nil
		return send(r)
	})
}

type freePrices struct{ *MemProvider }

func (d freePrices) PriceList(ctx context.Context) (*pricing.List, error) {
	l, err := d.MemProvider.PriceList(ctx)
	if err != nil {
		return nil, err
	}
	cheap := *l
	cheap.Prices = append([]pricing.Price(nil), l.Prices...)
	cheap.Prices[0].Amount = pricing.Zero("EUR")
	return &cheap, nil
}

type strangersWelcome struct{ *MemProvider }

func (d strangersWelcome) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	anybody := proto.CloneOf(req)
	anybody.Owner.Broker = ""
	return d.MemProvider.Delete(ctx, anybody)
}

type missingIsAnError struct{ *MemProvider }

func (d missingIsAnError) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	if _, err := d.Get(ctx, &pb.GetRequest{Owner: req.GetOwner()}); err != nil {
		return err
	}
	return d.MemProvider.Delete(ctx, req)
}

// defective is Mem with a provider of another type around it.
func defective[P sdk.Provider](wrap func(*MemProvider) P) Plugin {
	return FromDefinition(sdk.Definition[MemConfig, P]{
		Name: "mem", Version: "1", Summary: "Has a defect.",
		Open: func(_ context.Context, name string, c *MemConfig, log *slog.Logger) (P, error) {
			m, err := OpenMem(name, c, log)
			if err != nil {
				var none P
				return none, err
			}
			return wrap(m), nil
		},
	}, quietLog())
}

func TestSuiteFindsDefects(t *testing.T) {
	for _, d := range []struct {
		defect string
		plugin Plugin
		names  []string // of cases that must fail
	}{
		{"duplicates on repeat", defective(func(m *MemProvider) duplicates { return duplicates{m} }), []string{"again/create", "again/create-parallel"}},
		{"ignores the changed request", defective(func(m *MemProvider) ignoresRequest { return ignoresRequest{m} }), []string{"again/conflict"}},
		{"forgets the labels", defective(func(m *MemProvider) forgetsLabels { return forgetsLabels{m} }), []string{"life/cycle", "again/create"}},
		{"leaks on delete", defective(func(m *MemProvider) leaksOnDelete { return leaksOnDelete{m} }), []string{"life/cycle"}},
		{"unpriced SKU", defective(func(m *MemProvider) unpriced { return unpriced{m} }), []string{"life/offers"}},
		{"wrong order", defective(func(m *MemProvider) unordered { return unordered{m} }), []string{"life/offers"}},
		{"smaller than asked for", defective(func(m *MemProvider) smaller { return smaller{m} }), []string{"life/offers"}},
		{"no without a reason", defective(func(m *MemProvider) silentNo { return silentNo{m} }), []string{"life/no"}},
		{"a price of zero", defective(func(m *MemProvider) freePrices { return freePrices{m} }), []string{"config/prices"}},
		{"deletes what is another's", defective(func(m *MemProvider) strangersWelcome { return strangersWelcome{m} }), []string{"again/other-broker"}},
		{"delete of what is missing fails", defective(func(m *MemProvider) missingIsAnError { return missingIsAnError{m} }), []string{"life/missing"}},
	} {
		t.Run(d.defect, func(t *testing.T) {
			t.Parallel()
			tg := target(func(context.Context) (Plugin, error) { return d.plugin, nil })
			tg.Config = strings.Replace(memConfig, "20ms", "0s", 1)
			tg.Running, tg.Call = 2*time.Second, 2*time.Second
			e, err := NewEnv(t.Context(), tg)
			if err != nil {
				t.Fatal(err)
			}
			failed := map[string]error{}
			for _, c := range Cases() {
				if err := RunCase(t.Context(), e, c); err != nil && !errors.Is(err, ErrSkip) {
					failed[c.Name] = err
				}
			}
			for _, name := range d.names {
				if failed[name] == nil {
					t.Errorf("%s passed; failed did %v", name, failed)
				}
			}
		})
	}
}
