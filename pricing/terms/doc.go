// Package terms reads what is agreed on top of a price list from a file. It is
// apart from pricing so that pricing knows no file format.
//
// A file is YAML, or JSON, which is YAML too:
//
//	tax_note: prices without VAT
//	rules:
//	  - {name: support, stage: provider_fee, amount: 29.00 EUR, unit: month}
//	  - {name: framework contract, stage: discount, percent: "12.5", families: [n2], from: 2026-01-01, until: 2027-01-01}
//
// An amount may also be written {amount: "29.00", currency: EUR}, as JSON output
// has it. A time is a date, which begins at midnight UTC, or as in RFC 3339.
package terms
