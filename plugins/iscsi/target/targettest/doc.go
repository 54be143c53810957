// Package targettest has what tests of volumes that one may write at a time are
// made of: a real initiator that can be frozen and killed, blocks that tell who
// wrote them and when, and the check of what is left against what was promised.
package targettest
