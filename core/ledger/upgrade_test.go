package ledger_test

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/ledger/ledgertest"
	"github.com/mesoncloud/meson/pricing"
)

// schema1 is the path of a ledger as a Meson that knew the first schema only
// left it, with a provider, its price list and a quote.
func schema1(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	first, err := os.ReadFile("migrations/00001_ledger.sql")
	if err != nil {
		t.Fatal(err)
	}
	encode := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	raw(t, path, func(db *sql.DB) {
		provider, err := goose.NewProvider(goose.DialectSQLite3, db, fstest.MapFS{"00001_ledger.sql": {Data: append([]byte("-- +goose Up\n"), first...)}}, goose.WithDisableGlobalRegistry(true))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		quote := ledgertest.Quote(t, "kept-quote", "rack1")
		for _, s := range []struct {
			text string
			args []any
		}{
			{`PRAGMA application_id = 0x4d65736f`, nil},
			{`PRAGMA user_version = 1`, nil},
			{`INSERT INTO meta VALUES ('broker_id', 'abcdefgh12'), ('hash_key', $1)`, []any{strings.Repeat("ab", 32)}},
			{`INSERT INTO providers VALUES ('rack1', 'kvm', NULL, '{"name":"rack1","plugin":"kvm"}', '2026-01-02T03:04:05.000000006Z')`, nil},
			{
				`INSERT INTO price_lists VALUES ('rack1', 'r1', $1, '2026-01-02T03:04:05.000000006Z')`,
				[]any{encode(ledgertest.PriceList(t, "r1"))},
			},
			{
				`INSERT INTO quotes VALUES ($1, 'hash', 'rack1', $2, $3, 'r1', '2026-01-02T03:04:05.000000006Z', $4)`,
				[]any{quote.ID, quote.Offer.ID, quote.Price.Total.String(), encode(quote)},
			},
			{`INSERT INTO events VALUES (7, NULL, '2026-01-02T03:04:05.000000006Z', 'provider.added', 0, 'provider rack1')`, nil},
		} {
			if _, err := db.ExecContext(t.Context(), s.text, s.args...); err != nil {
				t.Fatalf("%s: %v", s.text, err)
			}
		}
	})
	return path
}

func exactly() cmp.Option {
	return cmp.Comparer(func(a, b pricing.Money) bool { return a.String() == b.String() })
}

// A ledger of the first schema is brought up to date with all that it has, and
// takes what is new.
func TestUpgradeFromFirstSchema(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := schema1(t)
	l := open(t, path)
	list := ledgertest.PriceList(t, "r1")
	want := ledger.PriceListInfo{
		Provider: "rack1", Revision: "r1", Source: list.Source, Currency: "EUR", Prices: len(list.Prices),
		AsOf: list.AsOf, OldestAsOf: list.AsOf.Add(-time.Hour), SeenAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
	check := func() {
		t.Helper()
		got, err := l.PriceList(ctx, "rack1", "r1")
		if diff := cmp.Diff(list, got, exactly()); err != nil || diff != "" {
			t.Errorf("price list: %v (-want +got):\n%s", err, diff)
		}
		infos, err := l.PriceLists(ctx, "")
		if diff := cmp.Diff([]ledger.PriceListInfo{want}, infos); err != nil || diff != "" {
			t.Errorf("price lists: %v (-want +got):\n%s", err, diff)
		}
	}
	check()
	if l.ID() != "abcdefgh12" {
		t.Errorf("id %s", l.ID())
	}
	quote, err := l.Quote(ctx, "kept-quote")
	if diff := cmp.Diff(ledgertest.Quote(t, "kept-quote", "rack1"), quote.Quote, exactly()); err != nil || diff != "" {
		t.Errorf("quote: %v (-want +got):\n%s", err, diff)
	}
	if events, err := l.Events(ctx, ledger.Query{}); err != nil || len(events) != 1 || events[0].Seq != 7 {
		t.Errorf("events %v, %v", events, err)
	}

	// What was kept without a head is compared as ever, and gets one.
	dearer := ledgertest.PriceList(t, "r1")
	dearer.Prices[1].Amount, err = pricing.NewMoney("0.03", "EUR")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.PutPriceList(ctx, "rack1", dearer); core.KindOf(err) != core.Conflict {
		t.Errorf("other prices under the same revision: %v", err)
	}
	check()
	if err := firstOf(
		l.UsePriceList(ctx, "rack1", "r1", ledger.UseOptions{By: ledger.UsedLive}),
		l.Prune(ctx, time.Now()),
		l.PutTerms(ctx, "rack1", ledgertest.Terms(t)),
		l.PutPriceList(ctx, "rack1", list),
	); err != nil {
		t.Fatal(err)
	}
	infos, err := l.PriceLists(ctx, "rack1")
	if err != nil || len(infos) != 1 || infos[0].Use.Revision != "r1" || time.Since(infos[0].SeenAt) > time.Hour {
		t.Fatalf("price lists %+v, %v", infos, err)
	}
	want.SeenAt, want.Use = infos[0].SeenAt, infos[0].Use
	check()
	raw(t, path, func(db *sql.DB) {
		head := ""
		if err := db.QueryRow(`SELECT head FROM price_lists`).Scan(&head); err != nil || head == "" {
			t.Errorf("the list still has no head: %v", err)
		}
	})
	v := ledgertest.Volume(t, "")
	v.Provider = "rack1"
	if err := l.AddVolumes(ctx, []core.VolumeRecord{v}, core.Event{Step: "x"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again := open(t, path)
		if got, err := again.Volume(ctx, v.ID); err != nil || got.Quote.Offer.ListRevision != "r1" {
			t.Errorf("volume %+v, %v", got, err)
		}
		if terms, err := again.Terms(ctx); err != nil || cmp.Diff(ledgertest.Terms(t), terms["rack1"], exactly()) != "" {
			t.Errorf("terms %v, %v", terms, err)
		}
	}
}

// Of several who open an older ledger at once, one upgrades it and all go on.
func TestUpgradeTogether(t *testing.T) {
	t.Parallel()
	path := schema1(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			l, err := ledger.Open(t.Context(), path, ledger.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if all, err := l.PriceLists(t.Context(), ""); err != nil || len(all) != 1 {
				t.Errorf("price lists %v, %v", all, err)
			}
			if err := l.PutTerms(t.Context(), "rack1", ledgertest.Terms(t)); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// A head says less than the body where another version of Meson wrote the same
// list in other bytes: then the bodies are compared.
func TestSameListOfAnotherVersion(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	list := ledgertest.PriceList(t, "r1")
	if err := l.PutPriceList(ctx, "rack1", list); err != nil {
		t.Fatal(err)
	}
	spoil := func() {
		raw(t, path, func(db *sql.DB) {
			done, err := db.Exec(`UPDATE price_lists SET head = replace(head, '"digest":"', '"digest":"0')`)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := done.RowsAffected(); n != 1 || err != nil {
				t.Fatalf("%d heads changed, %v", n, err)
			}
		})
	}
	spoil()
	dearer := ledgertest.PriceList(t, "r1")
	dearer.Source = "another"
	if err := l.PutPriceList(ctx, "rack1", dearer); core.KindOf(err) != core.Conflict {
		t.Errorf("another list: %v", err)
	}
	for range 2 {
		if err := l.PutPriceList(ctx, "rack1", list); err != nil {
			t.Errorf("the same list: %v", err)
		}
	}
	got, err := l.PriceList(ctx, "rack1", "r1")
	if diff := cmp.Diff(list, got, exactly()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
