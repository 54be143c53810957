package share

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// state is what the server's directory records: the numbers of the exports,
// which clients have in their file handles, and what the server has last read.
type state struct {
	// Next is the number that the next export gets if it is free. Numbers go round,
	// so that one is not soon used again.
	Next    uint16            `json:"next"`
	Numbers map[string]uint16 `json:"numbers"`
	// Loaded is the process that has read the configuration of Digest; none if the
	// last change was not seen to have arrived.
	Loaded process `json:"loaded"`
	Digest string  `json:"digest"`
	// Base is the digest of what only a start reads.
	Base string `json:"base"`
	// Ending is the process that was told to end: until it does, it answers, but
	// will not serve what it is told to.
	Ending process `json:"ending"`
}

// readState is what is recorded; of nothing, or of something that cannot be
// read, a state that begins at a number by chance: clients of before see stale
// handles then, not others' files.
func readState(name string) (*state, error) {
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	st := &state{}
	if err != nil || json.Unmarshal(data, st) != nil {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails
		st = &state{Next: binary.LittleEndian.Uint16(b[:])}
	}
	if st.Numbers == nil {
		st.Numbers = map[string]uint16{}
	}
	return st, nil
}

func (st *state) write(name string) error {
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	return replace(name, append(data, '\n'))
}

// assign gives every export its number: the one it has, or the next that is
// free; 0 is the root's. It reports whether anything changed. Attachments that
// are gone keep theirs until the server is known to have let go of them: it
// refuses a path that it still has under another number.
func (st *state) assign(exports []Export) bool {
	taken := map[uint16]bool{0: true}
	changed := false
	for id, n := range st.Numbers {
		if taken[n] {
			delete(st.Numbers, id)
			changed = true
			continue
		}
		taken[n] = true
	}
	for _, e := range exports {
		if _, has := st.Numbers[e.Attachment]; has {
			continue
		}
		for taken[st.Next] {
			st.Next++
		}
		st.Numbers[e.Attachment] = st.Next
		taken[st.Next] = true
		st.Next++
		changed = true
	}
	return changed
}

// forget drops the numbers of all but these.
func (st *state) forget(exports []Export) {
	have := st.Numbers
	st.Numbers = map[string]uint16{}
	for _, e := range exports {
		st.Numbers[e.Attachment] = have[e.Attachment]
	}
}
