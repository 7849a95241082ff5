package keys

import (
	"sync"
	"time"
)

// DefaultMaxBorrow is how far ids may run ahead of the clock unless SetMaxBorrow says
// otherwise.
const DefaultMaxBorrow = 5 * time.Second

// Generator makes time-ordered ids. It is safe for concurrent use, never sleeps and
// allocates nothing. Make one with New.
type Generator struct {
	now func() time.Time

	mu        sync.Mutex
	node      int64
	last      int64 // milliseconds since the epoch << SequenceBits | sequence, of the last id
	seen      int64 // the latest time that the clock has shown, in milliseconds since the epoch
	maxBorrow int64 // milliseconds
	ceiling   int64 // the latest time that an id may carry, in milliseconds since the epoch
	deadline  time.Time
}

// New makes a generator for a node that is the caller's alone: 1 to MaxNode, else
// ErrNode. now is the clock; it is called under a lock and must not use the generator.
func New(node int, now func() time.Time) (*Generator, error) {
	if node < 1 || node > MaxNode {
		return nil, ErrNode
	}
	g := NewWithheld(now)
	g.node, g.ceiling = int64(node), maxMillis
	return g, nil
}

// NewWithheld makes a generator without a node: it makes no ids (ErrNotGranted) until
// it has been given a Grant.
func NewWithheld(now func() time.Time) *Generator {
	return &Generator{now: now, last: -1, seen: -1, ceiling: -1, maxBorrow: DefaultMaxBorrow.Milliseconds()}
}

// SetMaxBorrow bounds how far ids may run ahead of the clock, when it was set back or
// when more ids are drawn than there are sequence numbers. Below 0 counts as 0, above
// an hour as an hour.
func (g *Generator) SetMaxBorrow(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.maxBorrow = min(max(d, 0), time.Hour).Milliseconds()
}

// Grant is the right to a node for a period. Two holders of one node make different ids
// if the periods from After to Ceiling that they were granted do not meet, whatever
// their clocks show.
type Grant struct {
	// Node is 1 to MaxNode.
	Node int
	// After and Ceiling bound the times that ids may carry: later than After, up to and
	// including Ceiling, both in whole milliseconds.
	After, Ceiling time.Time
	// Deadline is the instant of the generator's clock from which on it makes no ids.
	Deadline time.Time
}

// Grant gives the generator a node, or more time with it. Ids go on rising over a
// change of node. The error is ErrNode.
func (g *Generator) Grant(grant Grant) error {
	if grant.Node < 1 || grant.Node > MaxNode {
		return ErrNode
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.node, g.deadline = int64(grant.Node), grant.Deadline
	g.ceiling = min(grant.Ceiling.UnixMilli()-EpochMillis, maxMillis)
	// Everything up to the end of the millisecond After counts as given out already.
	if after := grant.After.UnixMilli() - EpochMillis; after >= 0 && after < maxMillis {
		g.last, g.seen = max(g.last, after<<SequenceBits|sequenceMask), max(g.seen, after)
	}
	return nil
}

// Revoke takes the node away: ErrNotGranted from here on. It returns the latest time
// that an id of this generator carries, or that it was told to start after.
func (g *Generator) Revoke() (last time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ceiling = -1
	return time.UnixMilli(max(g.last, 0)>>SequenceBits + EpochMillis).UTC()
}

// Next makes an id, greater than every one that this generator made before. The error
// is ErrNotGranted, ErrClockBack, ErrClockRange or ErrTooFast.
func (g *Generator) Next() (int64, error) { return g.next(0, 0) }

// NextSlot makes an id that carries a slot: SlotOf with the same number of slots gives
// it back. slots is 1 to MaxSlots, slot below it, else ErrSlot; other errors are those
// of Next. The slot takes ceil(log2 slots) bits of the sequence, and ids still rise
// over all slots, so that about 8192/slots ids fit into a millisecond if slots come in
// random order, and 4096/slots if all have the same.
func (g *Generator) NextSlot(slot, slots int) (int64, error) {
	mask, ok := slotMask(slots)
	if !ok || slot < 0 || slot >= slots {
		return 0, ErrSlot
	}
	return g.next(int64(slot), mask)
}

// Fill makes as many ids as there is room for in ids, as that many calls of Next do, but
// looks at the clock once. On an error, one of Next's, ids holds nothing of use.
func (g *Generator) Fill(ids []int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	clock, err := g.clock()
	if err != nil {
		return err
	}
	for i := range ids {
		if ids[i], err = g.above(clock, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

func (g *Generator) next(low, mask int64) (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	clock, err := g.clock()
	if err != nil {
		return 0, err
	}
	return g.above(clock, low, mask)
}

// clock reads the clock, in milliseconds since the epoch, if the node is still granted by
// then. The caller holds mu.
func (g *Generator) clock() (int64, error) {
	at := g.now()
	clock := at.UnixMilli() - EpochMillis
	if clock < 0 || clock > maxMillis {
		return 0, ErrClockRange
	}
	if g.ceiling < 0 || !g.deadline.IsZero() && !at.Before(g.deadline) {
		return 0, ErrNotGranted
	}
	g.seen = max(g.seen, clock)
	return clock, nil
}

// above makes the smallest id above the last one, and not before the clock's
// millisecond, whose bits under mask are low. The caller holds mu.
func (g *Generator) above(clock, low, mask int64) (int64, error) {
	least := max(clock<<SequenceBits, g.last+1)
	tick := least&^mask | low
	if tick < least {
		// A full sequence carries over into the next millisecond by itself.
		tick += mask + 1
	}
	switch millis := tick >> SequenceBits; {
	case millis-clock > g.maxBorrow:
		if g.seen > clock {
			return 0, ErrClockBack
		}
		return 0, ErrTooFast
	case millis > g.ceiling:
		return 0, ErrNotGranted
	default:
		g.last = tick
		return millis<<(NodeBits+SequenceBits) | g.node<<SequenceBits | tick&sequenceMask, nil
	}
}
