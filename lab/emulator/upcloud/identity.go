package upcloud

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// kinds of UUID: the service begins those of a kind with the same two digits.
const (
	idServer  = 0x00
	idStorage = 0x01
	idNetwork = 0x03
	idImport  = 0x07
	idToken   = 0x0c
)

// identity makes what the cloud chooses: identifiers, passwords, delays. The
// same seed and the same order of calls give the same results.
type identity struct {
	rand *rand.Rand
}

func newIdentity(seed uint64) *identity {
	return &identity{rand: rand.New(rand.NewPCG(seed, 0x6d65736f6e))}
}

// uuid returns a new version 4 UUID of that kind.
func (i *identity) uuid(kind byte) string {
	hi, lo := i.rand.Uint64(), i.rand.Uint64()
	return fmt.Sprintf("%02x%06x-%04x-4%03x-%04x-%012x", kind, hi&0xffffff, hi>>24&0xffff, hi>>40&0xfff, 0x8000|lo>>48&0x3fff, lo&0xffffffffffff)
}

const letters = "abcdefghjkmnpqrstuvwxyz23456789"

// password returns n letters and digits.
func (i *identity) password(n int) string {
	b := make([]byte, n)
	for k := range b {
		b[k] = letters[i.rand.IntN(len(letters))]
	}
	return string(b)
}

// between is a time from a to b.
func (i *identity) between(a, b time.Duration) time.Duration {
	return a + time.Duration(i.rand.Int64N(int64(b-a)+1))
}

// pick is one of n.
func (i *identity) pick(n int) int { return i.rand.IntN(n) }

// correlation returns an identifier of a request, as problem details have it.
func (i *identity) correlation() string {
	const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	b := []byte("01")
	for range 24 {
		b = append(b, crockford[i.rand.IntN(32)])
	}
	return string(b)
}
