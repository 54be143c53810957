// Package spec turns what people write into what Meson asks for: bytes → Pledge.
//
// A spec comes in one of four encodings (flat, template, adapter and that of the
// graphical clients), each as JSON, JSON with comments and trailing commas, or
// YAML. All are read into one tree of nodes with their places; the encoding is
// told by its keys; one table for each encoding says which key means what, how it
// is read and within which bounds. The same tables give the JSON Schema, the
// names for overrides and the suggestions for misspelt keys.
//
// Whatever is wrong is reported at once, each fault with its path in the terms of
// the file. Values of passwords, keys and user data appear in no fault. Reading
// takes time and memory that the limits below bound, whatever the input.
package spec
