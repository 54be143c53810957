// Package render turns Meson's nouns into what is printed: the documents of
// `-o json` and `-o yaml`, whose shapes are a promise to programs, and tables
// and texts for people.
//
// Strings that came from a plugin or a provider are untrusted: they pass
// through Visible before they reach a terminal, and Encode escapes what could
// move a cursor. Nothing here reads a clock, a file or the network.
package render
