// Package book reads price books: dated files of prices, each row with its
// source, date and confidence, from which a pricing.List is made. It reads bytes,
// never a file or the network.
//
//	provider: upcloud
//	revision: book-2026-10-28
//	currency: EUR
//	source: calc.upcloud.com
//	as_of: 2026-10-28
//	billing:
//	  plan: {increment_seconds: 3600, cap_hours: 672, stopped: billed, source: developers.upcloud.com/1.3/4-pricing, as_of: 2026-10-28}
//	prices:
//	  - {sku: PREMIUM-2xCPU-8GB, kind: compute, unit: month, amount: "38.00", billing: plan, confidence: high}
//
// A row without source or as_of has the book's. A row with spot_of is the spot
// price of another SKU; includes says what one unit brings with it.
package book
