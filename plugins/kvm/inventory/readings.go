package inventory

// Readings keeps what was read of domains, so that one whose text is the same is not
// read again: most of a host's are, from one look to the next. It is for the Sources of
// one host, one after the other, and not to be used concurrently. What is kept is what
// the last Host had.
type Readings struct {
	was, is map[DomainSource]reading
}

// reading is a domain as it was read. Its parts are shared by all Hosts that have it,
// and never written again.
type reading struct {
	guest    Guest
	warnings []string
}

// begin starts a round: what is not asked for in it is forgotten by the next.
func (r *Readings) begin() {
	if r != nil {
		r.was, r.is = r.is, make(map[DomainSource]reading, len(r.is))
	}
}

// of is what read makes of the domain, now or in the round before.
func (r *Readings) of(d DomainSource, read func(DomainSource) reading) reading {
	if r == nil {
		return read(d)
	}
	known, ok := r.was[d]
	if !ok {
		known = read(d)
	}
	r.is[d] = known
	return known
}
