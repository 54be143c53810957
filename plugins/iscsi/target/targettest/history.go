package targettest

import (
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
)

// History is what writers of a volume did, and were told. Writers of different
// epochs may report at once; in one epoch a block is written by one writer, one
// write after the other.
type History struct {
	mu     sync.Mutex
	blocks map[uint64]*record
	fences []fence
}

// record is what may and must be in one block.
type record struct {
	// begun are the writes that were sent and may land, by epoch: the highest.
	begun map[uint64]uint64
	// acked is the last that was answered, sure the last that a later flush
	// covers, in the order of epochs.
	acked, sure Stamp
}

// fence is a takeover: what the volume held when the fence had returned.
type fence struct {
	upTo uint64
	held []Stamp
}

// NewHistory is of a volume that nobody has written.
func NewHistory() *History { return &History{blocks: map[uint64]*record{}} }

func (h *History) of(block uint64) *record {
	if h.blocks[block] == nil {
		h.blocks[block] = &record{begun: map[uint64]uint64{}}
	}
	return h.blocks[block]
}

// Begin is to be called before a write is sent.
func (h *History) Begin(s Stamp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of(s.Block).begun[s.Epoch] = s.Seq
}

// Acked is to be called when a write was answered without an error.
func (h *History) Acked(s Stamp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.of(s.Block); after(s, r.acked) {
		r.acked = s
	}
}

// Mark is what a flush that is sent now will cover if it is answered: the writes
// that are answered by now.
func (h *History) Mark() []Stamp {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Stamp
	for _, r := range h.blocks {
		if r.acked.Seq > 0 {
			all = append(all, r.acked)
		}
	}
	return all
}

// Flushed is to be called when the flush of a Mark was answered.
func (h *History) Flushed(mark []Stamp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range mark {
		if r := h.of(s.Block); after(s, r.sure) {
			r.sure = s
		}
	}
}

// Fenced is to be called when the fence of all epochs up to one has returned, and
// before anybody writes in a later one: no block of theirs may land from then on.
func (h *History) Fenced(upTo uint64, image string) error {
	held, err := ReadStamps(image)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fences = append(h.fences, fence{upTo: upTo, held: held})
	return nil
}

// Check compares an image with the history and returns everything that is wrong:
// torn blocks, blocks that nobody wrote or that belong elsewhere, writes that were
// answered and lost, and blocks of an epoch that landed after its fence. Where
// crashed is set, the machine of the image lost its memory: only what was flushed
// must be there.
func (h *History) Check(image string, crashed bool) []error {
	have, err := ReadStamps(image)
	if err != nil {
		return []error{err}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var wrong []error
	for i, s := range have {
		block := uint64(i)
		r := h.of(block)
		must := r.acked
		if crashed {
			must = r.sure
		}
		switch {
		case s.Seq > 0 && s.Block != block:
			wrong = append(wrong, fmt.Errorf("block %d holds what belongs to block %d", block, s.Block))
		case s.Seq > r.begun[s.Epoch]:
			wrong = append(wrong, fmt.Errorf("block %d holds write %d of epoch %d, which nobody sent", block, s.Seq, s.Epoch))
		case after(must, s):
			wrong = append(wrong, fmt.Errorf("block %d holds write %d of epoch %d: lost is write %d of epoch %d", block, s.Seq, s.Epoch, must.Seq, must.Epoch))
		}
		for _, f := range h.fences {
			if s.Seq > 0 && s.Epoch <= f.upTo && s != f.held[i] {
				wrong = append(wrong, fmt.Errorf("block %d holds write %d of epoch %d, which landed after the fence of epoch %d", block, s.Seq, s.Epoch, f.upTo))
			}
		}
	}
	return wrong
}

// MustBeRight is Check of an image whose machine went on; what is wrong fails the test.
func (h *History) MustBeRight(tb testing.TB, image string) {
	tb.Helper()
	for i, err := range h.Check(image, false) {
		if i == 5 {
			tb.Error("…")
			break
		}
		tb.Error(err)
	}
}

// after is the order in which writes of one block must be seen.
func after(a, b Stamp) bool {
	return a.Epoch > b.Epoch || (a.Epoch == b.Epoch && a.Seq > b.Seq)
}

// ReadStamps reads all blocks of a raw image.
func ReadStamps(image string) ([]Stamp, error) {
	f, err := os.Open(image)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Stamp
	b := make([]byte, BlockSize)
	for {
		if _, err := io.ReadFull(f, b); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		s, err := ParseStamp(b)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", len(all), err)
		}
		all = append(all, s)
	}
}
