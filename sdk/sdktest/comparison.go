package sdktest

import "bytes"

// Comparison is a writer that compares what a volume holds with what is wanted, and
// with zeros behind that. It keeps nothing: under the race detector, a whole volume
// in memory takes seconds. It is for one goroutine.
type Comparison struct {
	// Want is what has not come yet.
	Want []byte
	// Bytes is how much has come, Differs whether any of it was not wanted.
	Bytes   uint64
	Differs bool
}

// Write never fails.
func (c *Comparison) Write(p []byte) (int, error) {
	n := min(len(p), len(c.Want))
	if !bytes.Equal(p[:n], c.Want[:n]) || bytes.Count(p[n:], []byte{0}) < len(p[n:]) {
		c.Differs = true
	}
	c.Want, c.Bytes = c.Want[n:], c.Bytes+uint64(len(p))
	return len(p), nil
}
