// Package ledger keeps what was asked, offered, chosen and done, written before
// every side effect, so that whoever comes next knows what may exist.
//
// Ledger is the interface, SQLite the embedded engine: one file that every
// broker of a user opens at once. Another engine has the same schema and passes
// the same suite, ledgertest.Run.
package ledger
