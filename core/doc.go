// Package core holds Meson's nouns: what a user asks for (Pledge), what
// providers answer (Offer, Reason), what that costs (Quote), what was chosen
// (Placement), what became of it (Allocation, Instance), and the one Error.
//
// Nothing here does any input or output.
package core
