package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
)

func pricesAreRight(ctx context.Context, e *Env) error {
	list, err := e.prices(ctx, providerName)
	if err != nil {
		return err
	}
	if err := list.Check(); err != nil {
		return err
	}
	if list.Source == "" || list.AsOf.IsZero() {
		return fmt.Errorf("source %q, as of %v: want both", list.Source, list.AsOf)
	}
	return nil
}

func (e *Env) prices(ctx context.Context, provider string) (*pricing.List, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	list, err := e.Plugin.PriceList(ctx, provider)
	if err != nil {
		return nil, fmt.Errorf("price list: %w", err)
	}
	return list, nil
}

// pricesAreStable reads the list twice, and once from a provider of the same
// settings that was opened later.
func pricesAreStable(ctx context.Context, e *Env) error {
	first, err := e.prices(ctx, providerName)
	if err != nil {
		return err
	}
	again, err := e.prices(ctx, providerName)
	if err != nil {
		return err
	}
	later := e.settings()
	later.Provider = providerName + "-later"
	configuring, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	if _, err := e.Plugin.Configure(configuring, later); err != nil {
		return fmt.Errorf("configure a second provider with the same settings: %w", err)
	}
	other, err := e.prices(ctx, later.GetProvider())
	if err != nil {
		return err
	}
	faults := []error{listFault("read twice", first, again)}
	if other.Revision == first.Revision {
		faults = append(faults, listFault("of a provider that was opened later", first, other))
	}
	return errors.Join(faults...)
}

// listFault compares two lists of one provider.
func listFault(when string, a, b *pricing.List) error {
	differ, err := firstDifference(a, b)
	switch {
	case err != nil:
		return err
	case a.Revision == b.Revision && differ != "":
		return fmt.Errorf("%s, revision %q says other things: %s", when, a.Revision, differ)
	case a.Revision != b.Revision && differ == "":
		return fmt.Errorf("%s, the same list is revision %q and %q", when, a.Revision, b.Revision)
	}
	return nil
}

// firstDifference is where two lists say something else, but for the name and
// date of the lists.
func firstDifference(a, b *pricing.List) (string, error) {
	if a.Source != b.Source || len(a.Prices) != len(b.Prices) {
		return fmt.Sprintf("%d prices from %q and %d from %q", len(a.Prices), a.Source, len(b.Prices), b.Source), nil
	}
	for i := range a.Prices {
		one, err := json.Marshal(a.Prices[i])
		if err != nil {
			return "", err
		}
		other, err := json.Marshal(b.Prices[i])
		if err != nil {
			return "", err
		}
		if string(one) != string(other) {
			return fmt.Sprintf("price %d is %s and %s", i+1, one, other), nil
		}
	}
	return "", nil
}

func horizonsOrder(ctx context.Context, e *Env) error {
	list, err := e.prices(ctx, providerName)
	if err != nil {
		return err
	}
	var faults []error
	for _, hours := range []uint32{2, 8760} {
		offers, _, err := e.offersFor(ctx, e.Target.Fits, hours, 0, "")
		if err != nil {
			return fmt.Errorf("for %d h: %w", hours, err)
		}
		if len(offers) == 0 {
			faults = append(faults, fmt.Errorf("for %d h nothing was offered for the pledge that fits", hours))
		}
		faults = append(faults, orderFaults(list, pricing.Horizon(hours), offers)...)
	}
	return errors.Join(faults...)
}

func quoteOnlyIsRefused(ctx context.Context, e *Env) error {
	if _, unserved := e.Plugin.(interface{ unserved() }); unserved {
		return ErrSkip // it is the SDK's server that refuses
	}
	o := e.owner()
	req, err := e.request(ctx, o)
	if err != nil {
		return err
	}
	req = proto.CloneOf(req)
	req.Offer.QuoteOnly = "it is to be refused"
	var faults []error
	if _, err := e.create(ctx, req); sdk.KindOf(err) != sdk.Invalid {
		faults = append(faults, fmt.Errorf("create: error %v of kind %q, want Invalid", err, sdk.KindOf(err)))
	}
	return errors.Join(append(faults, e.holds(ctx, o.GetBroker(), 0, "after an offer that can only be quoted"))...)
}
