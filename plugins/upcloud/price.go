package upcloud

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// prices are what the account pays in each zone, as /price says it. The SDK's
// type lacks the currency and has amounts as floats.
type prices struct {
	// currency is an ISO 4217 code; empty where the answer does not say it, as
	// those of 2020 do not.
	currency string
	zones    map[string]map[string]tag
}

// tag is one price: so many hundredths of the currency for an hour of amount.
type tag struct{ amount, price *big.Rat }

const (
	maxZones = 500
	maxItems = 5000 // of one zone
)

// decodePrices reads an answer of /price. An item that makes no sense is left
// out and told of; an answer that is no price list is an error.
func decodePrices(body []byte) (p *prices, leftOut []error, err error) {
	var doc struct {
		Prices *struct {
			Currency string                       `json:"currency"`
			Zone     []map[string]json.RawMessage `json:"zone"`
		} `json:"prices"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, nil, fmt.Errorf("price list: %w", err)
	}
	if doc.Prices == nil || len(doc.Prices.Zone) == 0 || len(doc.Prices.Zone) > maxZones {
		return nil, nil, fmt.Errorf("price list: want 1 to %d zones", maxZones)
	}
	p = &prices{currency: doc.Prices.Currency, zones: make(map[string]map[string]tag, len(doc.Prices.Zone))}
	for i, z := range doc.Prices.Zone {
		var name string
		if err := json.Unmarshal(z["name"], &name); err != nil || !zoneText.MatchString(name) {
			leftOut = append(leftOut, fmt.Errorf("zone %d of the price list has no name", i+1))
			continue
		}
		if p.zones[name] != nil || len(z) > maxItems {
			leftOut = append(leftOut, fmt.Errorf("zone %s of the price list is listed twice or has too many items", name))
			continue
		}
		items := make(map[string]tag, len(z))
		for item, raw := range z {
			if item == "name" {
				continue
			}
			t, err := decodeTag(raw)
			if err != nil {
				leftOut = append(leftOut, fmt.Errorf("price of %.100q in %s: %w", item, name, err))
				continue
			}
			items[item] = t
		}
		p.zones[name] = items
	}
	return p, leftOut, nil
}

func decodeTag(raw json.RawMessage) (tag, error) {
	var w struct {
		Amount json.Number `json:"amount"`
		Price  json.Number `json:"price"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return tag{}, err
	}
	amount, err := exactly(string(w.Amount))
	if err != nil {
		return tag{}, fmt.Errorf("amount: %w", err)
	}
	price, err := exactly(string(w.Price))
	if err != nil {
		return tag{}, fmt.Errorf("price: %w", err)
	}
	if amount.Sign() <= 0 || price.Sign() < 0 {
		return tag{}, fmt.Errorf("%s for %s makes no sense", w.Price, w.Amount)
	}
	return tag{amount, price}, nil
}

// exactly reads a number of JSON as what is written there.
func exactly(text string) (*big.Rat, error) {
	bad := fmt.Errorf("%.40q is no number of at most 40 characters", text)
	if text == "" || len(text) > 40 {
		return nil, bad
	}
	// An exponent is a length: 1e999999999 would be one.
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n < -30 || n > 30 {
			return nil, bad
		}
	}
	if strings.Trim(text, "+-.0123456789eE") != "" {
		return nil, bad
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, bad
	}
	return r, nil
}

// isZero reports whether it costs nothing.
func (t tag) isZero() bool { return t.price == nil || t.price.Sign() == 0 }

// maxDecimals is how many decimals package pricing takes.
const maxDecimals = 30

// each is the price of n of what amount counts, for an hour, in the currency
// itself: an exact decimal.
func (t tag) each(n int64) (string, error) {
	r := new(big.Rat).Quo(t.price, t.amount)
	r.Mul(r, big.NewRat(n, 100))
	decimals, exact := r.FloatPrec()
	if !exact || decimals > maxDecimals {
		return "", fmt.Errorf("%s hundredths for %s are no exact decimal for each", t.price.RatString(), t.amount.RatString())
	}
	return r.FloatString(decimals), nil
}
