package fit

// Reason is one thing that stands in the way, in the terms of the spec.
type Reason struct {
	// Field of the spec, such as ramsize; or host for what no change of the spec
	// would help.
	Field      string
	Want, Have string
	// Text is one clause for people.
	Text string
	// Relax is the smallest change of that field that would have removed this
	// reason on this host, such as ramsize=2048; empty where none would. It
	// has been tried.
	Relax string
}
