package book

import (
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// Book is a file of prices as it is written.
type Book struct {
	Provider string    `yaml:"provider"`
	Revision string    `yaml:"revision"`
	Currency string    `yaml:"currency"`
	Source   string    `yaml:"source"`
	AsOf     time.Time `yaml:"as_of"`
	// Billing are the rules that rows refer to by name.
	Billing map[string]*pricing.Billing `yaml:"billing"`
	Prices  []Row                       `yaml:"prices"`
}

// Row is one price.
type Row struct {
	SKU    string       `yaml:"sku"`
	Kind   pricing.Kind `yaml:"kind"`
	Unit   pricing.Unit `yaml:"unit"`
	Amount string       `yaml:"amount"`
	// Free declares that an amount of zero is meant.
	Free   bool   `yaml:"free"`
	Text   string `yaml:"text"`
	Family string `yaml:"family"`
	// Billing names rules of the book; empty bills the exact time.
	Billing  string              `yaml:"billing"`
	SpotOf   string              `yaml:"spot_of"`
	Includes []pricing.Inclusion `yaml:"includes"`
	// Confidence is high, medium or low.
	Confidence string    `yaml:"confidence"`
	Source     string    `yaml:"source"`
	AsOf       time.Time `yaml:"as_of"`
}

// Options say which rows a list is made of.
type Options struct {
	// Low takes the rows of low confidence too. They stay out otherwise.
	Low bool
	// NotAfter refuses dates that are later; zero refuses none.
	NotAfter time.Time
}
