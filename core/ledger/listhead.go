package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// listHead is what is kept of a price list beside its body.
type listHead struct {
	Source   string `json:"source"`
	Currency string `json:"currency"`
	Prices   int    `json:"prices"`
	// AsOf is that of the list when it was last put. The body has none.
	AsOf       time.Time `json:"as_of"`
	OldestAsOf time.Time `json:"oldest_as_of"`
	// Digest is of the body but for AsOf. Equal lists may have different ones where
	// different versions of Meson wrote them, different lists never have the same.
	Digest string `json:"digest"`
}

// headOf makes the head of a list, and its body.
func headOf(list *pricing.List) (head, body string, err error) {
	timeless := *list
	timeless.AsOf = time.Time{}
	if body, err = encode(timeless); err != nil {
		return "", "", err
	}
	sum := sha256.Sum256([]byte(body))
	h := listHead{
		Source: list.Source, Prices: len(list.Prices), AsOf: list.AsOf, OldestAsOf: list.AsOf,
		Digest: hex.EncodeToString(sum[:]),
	}
	for i, p := range list.Prices {
		at := p.AsOf
		if at.IsZero() {
			at = list.AsOf
		}
		if i == 0 || at.Before(h.OldestAsOf) {
			h.OldestAsOf = at
		}
		if i == 0 {
			h.Currency = p.Amount.Currency()
		}
	}
	head, err = encode(h)
	return head, body, err
}

// decodeHead reads a kept head, or makes that of a list kept without one from
// its body.
func decodeHead(head, body string) (h listHead, err error) {
	if head == "" {
		var list pricing.List
		if err := decode(body, &list); err != nil {
			return h, err
		}
		if head, _, err = headOf(&list); err != nil {
			return h, err
		}
	}
	return h, decode(head, &h)
}

// info is what people see of it.
func (h listHead) info(provider, revision string) PriceListInfo {
	return PriceListInfo{
		Provider: provider, Revision: revision, Source: h.Source, Currency: h.Currency, Prices: h.Prices,
		AsOf: h.AsOf, OldestAsOf: h.OldestAsOf,
	}
}
