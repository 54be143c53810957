// Package fit says whether and where a machine fits on a host: which threads it
// is pinned to, what it is charged for, which PCI devices it gets; or everything
// that stands in the way and how little would have to change. It is pure and
// deterministic.
//
// What is counted is a hardware thread where the request allows SMT, a whole
// core with all its threads where it does not. At most n machines share what a
// machine counts, n being its own tolerance; on every unit the tolerance of
// every machine holds, so that one that tolerates less binds the others. A
// machine that counts whole cores shares a core with each distinct machine on
// any of its threads.
package fit
