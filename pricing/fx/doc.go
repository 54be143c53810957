// Package fx reads exchange rates: the daily reference rates of the European
// Central Bank, and those that are built in for use without a network. It reads
// bytes, never a file or the network.
//
// Reference rates are published for information, on working days about 16:00
// CET; nobody is bound to exchange at them.
package fx
