package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/host"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/market"
	"github.com/mesoncloud/meson/pricing"
)

// Options make a Meson. Ledger and Host are required, and stay the caller's to
// close once every call has returned.
type Options struct {
	Ledger ledger.Ledger
	Host   *host.Host
	Log    *slog.Logger
	Now    func() time.Time
	// Market bounds how long providers are waited for.
	Market market.Options
	// HTTP fetches exchange rates; http.DefaultClient by default.
	HTTP *http.Client
	// Patience is as in alloc.Options.
	Patience time.Duration
	// Step is as in alloc.Options.
	Step func(name string)
}

// Meson is the broker.
type Meson struct {
	Options
	engine *alloc.Engine
	lists  keptLists
}

var _ Broker = (*Meson)(nil)

// New makes a Meson; it does nothing until it is asked.
func New(o Options) *Meson {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	m := &Meson{Options: o}
	m.engine = alloc.New(alloc.Options{
		Ledger: o.Ledger, Log: o.Log, Now: o.Now, Patience: o.Patience, Step: o.Step,
		Provider: func(ctx context.Context, name string) (alloc.Provider, error) { return m.provider(ctx, name) },
		Storage:  func(ctx context.Context, name string) (alloc.Storage, error) { return m.provider(ctx, name) },
		Price:    m.priceAgain, PriceVolume: m.priceVolumeAgain,
		Rates: func(ctx context.Context) (*pricing.Rates, error) {
			r, _, err := m.rates(ctx)
			return r, err
		},
	})
	return m
}

// provider is a configured provider by name.
func (m *Meson) provider(ctx context.Context, name string) (*host.Provider, error) {
	cfg, err := m.Ledger.Provider(ctx, name)
	if err != nil {
		return nil, err
	}
	return m.Host.Provider(cfg), nil
}

// pledgeHash is the keyed hash of everything a pledge asks for, its secrets
// included.
func (m *Meson) pledgeHash(p core.Pledge) (string, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("hash the pledge: %w", err)
	}
	for _, secret := range []string{p.Login.Password.Reveal(), p.UserData.Reveal()} {
		body = append(strconv.AppendInt(append(body, '\n'), int64(len(secret)), 10), ':')
		body = append(body, secret...)
	}
	return m.Ledger.Hash(body), nil
}
