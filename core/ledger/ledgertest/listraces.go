package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// testListUseRaces: of many who put another list into use in place of the same
// one, one does, whichever broker they are; nobody's choice is lost unseen, and
// what is in use is always kept, also while others prune.
func testListUseRaces(t *testing.T, store Store) {
	const brokers, writers, rounds = 3, 3, 8
	ctx := t.Context()
	first := store()
	used(t, first, "rack1", "r0")
	must(t, first.UsePriceList(ctx, "rack1", "r0", ledger.UseOptions{By: ledger.UsedByPerson}))
	var group, pruners sync.WaitGroup
	stop := make(chan struct{})
	pruners.Go(func() {
		l := store()
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := l.Prune(ctx, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for broker := range brokers {
		l := store()
		for writer := range writers {
			group.Go(func() {
				for round := 0; round < rounds; {
					done, err := useAnother(ctx, l, fmt.Sprintf("r-%d-%d-%d", broker, writer, round), t)
					if err != nil {
						t.Error(err)
						return
					}
					if done {
						round++
					}
				}
			})
		}
	}
	group.Wait()
	close(stop)
	pruners.Wait()
	last := "none"
	texts := eventsOf(t, first, ledger.StepPricesUsed)
	same(t, "changes", len(texts), brokers*writers*rounds+1)
	for _, text := range texts {
		list, was, _ := strings.Cut(strings.TrimPrefix(text, "provider rack1: price list "), "; before it ")
		if was != last {
			t.Fatalf("%q: what was in use was %s", text, last)
		}
		last, _, _ = strings.Cut(list, ",")
	}
	same(t, "in use", value(first.UsedPriceLists(ctx))(t)["rack1"].Revision, last)
	value(first.PriceList(ctx, "rack1", last))(t)
}

// useAnother puts a list of rack1 into use in place of what is, and reports
// whether it was the first to.
func useAnother(ctx context.Context, l ledger.Ledger, revision string, t *testing.T) (bool, error) {
	all, err := l.PriceLists(ctx, "rack1")
	if err != nil {
		return false, err
	}
	was := ""
	for _, info := range all {
		if info.Use.Revision == "" {
			continue
		}
		if was != "" {
			return false, fmt.Errorf("%s and %s are in use", was, info.Revision)
		}
		was = info.Use.Revision
	}
	if was == "" {
		return false, errors.New("what is in use is not kept")
	}
	if err := l.PutPriceList(ctx, "rack1", PriceList(t, revision)); err != nil {
		return false, err
	}
	switch err := l.UsePriceList(ctx, "rack1", revision, ledger.UseOptions{Was: was, By: ledger.UsedLive}); core.KindOf(err) {
	case "":
		return true, nil
	case core.Conflict, core.NotFound: // somebody was first; it was pruned
		return false, nil
	default:
		return false, err
	}
}
