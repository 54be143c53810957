// Package pricing is money and its arithmetic, pure: quantities of a provider's
// own SKUs × its price list × a horizon = a quote that a person can check line
// by line. Plugins order what they send by the very package that people pay by.
//
// Amounts are decimals with a currency, never floats. Nothing here reads a
// clock, a file or the network.
package pricing
