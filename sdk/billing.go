package sdk

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Bounds on what the prices of a list share.
const (
	MaxBillings     = 10_000
	MaxPriceSources = 10_000
	// MaxIncludes is how many other SKUs one price may include.
	MaxIncludes = 64

	// maxInclusions bounds them over a whole list, and maxTiers is how many whole
	// percentages can ascend.
	maxInclusions = MaxPrices
	maxTiers      = 100
)

// sharedOut gathers what the prices of a list have in common, each once.
type sharedOut struct {
	list     *pb.PriceList
	byRules  map[*pricing.Billing]uint32
	billings map[string]uint32 // by their bytes
	sources  map[pricedBy]uint32
}

// pricedBy is where a price comes from, and when it was read there.
type pricedBy struct {
	source string
	asOf   time.Time
}

func newSharedOut(list *pb.PriceList) *sharedOut {
	return &sharedOut{
		list: list, byRules: make(map[*pricing.Billing]uint32),
		billings: make(map[string]uint32), sources: make(map[pricedBy]uint32),
	}
}

// billing is the place of rules among the list's, without what is a price's own:
// spot_of and includes.
func (s *sharedOut) billing(b *pricing.Billing) uint32 {
	if b == nil {
		return 0
	}
	if place := s.byRules[b]; place > 0 {
		return place
	}
	w := billingToPB(b)
	key, err := proto.MarshalOptions{Deterministic: true}.Marshal(w)
	place := s.billings[string(key)]
	if place == 0 || err != nil {
		s.list.Billings = append(s.list.Billings, w)
		place = uint32(len(s.list.Billings))
		s.billings[string(key)] = place
	}
	s.byRules[b] = place
	return place
}

// source is the place of a source among the list's.
func (s *sharedOut) source(by pricedBy) uint32 {
	if by.source == "" && by.asOf.IsZero() {
		return 0
	}
	by.asOf = by.asOf.UTC().Round(0)
	place := s.sources[by]
	if place == 0 {
		s.list.Sources = append(s.list.Sources, &pb.PriceSource{Source: by.source, AsOf: stampOf(by.asOf)})
		place = uint32(len(s.list.Sources))
		s.sources[by] = place
	}
	return place
}

func billingToPB(b *pricing.Billing) *pb.Billing {
	w := &pb.Billing{
		IncrementSeconds: b.IncrementSeconds, MinimumSeconds: b.MinimumSeconds, CapHours: b.CapHours,
		Spot: b.Spot, Stopped: stoppedToPB(b.Stopped), Source: b.Source, AsOf: stampOf(b.AsOf),
	}
	for _, t := range b.Tiers {
		w.Tiers = append(w.Tiers, &pb.Tier{UpToPercent: t.UpToPercent, Factor: t.Factor})
	}
	return w
}

func inclusionsToPB(b *pricing.Billing) []*pb.Inclusion {
	if b == nil || len(b.Includes) == 0 {
		return nil
	}
	out := make([]*pb.Inclusion, len(b.Includes))
	for i, in := range b.Includes {
		out[i] = &pb.Inclusion{Sku: in.SKU, Amount: in.Amount, PerMonth: in.PerMonth}
	}
	return out
}

// sharedIn is what the prices of a received list refer to.
type sharedIn struct {
	billings   []*pricing.Billing
	sources    []pricedBy
	inclusions int
}

// newSharedIn reads and checks it; it is to be used only without faults.
func newSharedIn(l *pb.PriceList) (*sharedIn, []error) {
	if n := len(l.GetBillings()); n > MaxBillings {
		return nil, []error{fmt.Errorf("%d billing rules: at most %d", n, MaxBillings)}
	}
	if n := len(l.GetSources()); n > MaxPriceSources {
		return nil, []error{fmt.Errorf("%d sources: at most %d", n, MaxPriceSources)}
	}
	s := &sharedIn{billings: make([]*pricing.Billing, len(l.GetBillings())), sources: make([]pricedBy, len(l.GetSources()))}
	for i, w := range l.GetSources() {
		s.sources[i] = pricedBy{CleanText(w.GetSource(), MaxTextBytes), timeOf(w.GetAsOf())}
	}
	var faults []error
	for i, w := range l.GetBillings() {
		b, err := billingFromPB(w)
		if err != nil {
			if faults = append(faults, fmt.Errorf("billing %d: %w", i+1, err)); len(faults) == maxListFaults {
				break
			}
		}
		s.billings[i] = b
	}
	return s, faults
}

func billingFromPB(w *pb.Billing) (*pricing.Billing, error) {
	if n := len(w.GetTiers()); n > maxTiers {
		return nil, fmt.Errorf("%d tiers: at most %d", n, maxTiers)
	}
	b := &pricing.Billing{
		IncrementSeconds: w.GetIncrementSeconds(), MinimumSeconds: w.GetMinimumSeconds(), CapHours: w.GetCapHours(),
		Spot: w.GetSpot(), Stopped: stoppedFromPB(w.GetStopped()),
		Source: CleanText(w.GetSource(), MaxTextBytes), AsOf: timeOf(w.GetAsOf()),
	}
	for _, t := range w.GetTiers() {
		b.Tiers = append(b.Tiers, pricing.Tier{UpToPercent: t.GetUpToPercent(), Factor: t.GetFactor()})
	}
	return b, b.Check()
}

// billing are the rules of a price, its own ones included.
func (s *sharedIn) billing(w *pb.Price) (*pricing.Billing, error) {
	var b *pricing.Billing
	if place := w.GetBilling(); uint64(place) > uint64(len(s.billings)) {
		return nil, fmt.Errorf("billing %d, and the list has %d", place, len(s.billings))
	} else if place > 0 {
		b = s.billings[place-1]
	}
	n := len(w.GetIncludes())
	if n == 0 && w.GetSpotOf() == "" {
		return b, nil
	}
	if s.inclusions += n; n > MaxIncludes || s.inclusions > maxInclusions {
		return nil, fmt.Errorf("includes %d others: at most %d, and %d in a list", n, MaxIncludes, maxInclusions)
	}
	var own pricing.Billing
	if b != nil {
		own = *b
	}
	own.SpotOf = w.GetSpotOf()
	for _, in := range w.GetIncludes() {
		own.Includes = append(own.Includes, pricing.Inclusion{SKU: in.GetSku(), Amount: in.GetAmount(), PerMonth: in.GetPerMonth()})
	}
	return &own, nil
}

// source is where a price comes from.
func (s *sharedIn) source(w *pb.Price) (pricedBy, error) {
	switch place := w.GetSource(); {
	case place == 0:
		return pricedBy{}, nil
	case uint64(place) > uint64(len(s.sources)):
		return pricedBy{}, fmt.Errorf("source %d, and the list has %d", place, len(s.sources))
	default:
		return s.sources[place-1], nil
	}
}

func stampOf(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// timeOf is the zero time for a stamp that is absent or out of range.
func timeOf(w *timestamppb.Timestamp) time.Time {
	if !w.IsValid() {
		return time.Time{}
	}
	return w.AsTime()
}
