package keys

import (
	"math/bits"
	"time"
)

// The layout of an id. It can never be changed.
const (
	// TimeBits, NodeBits and SequenceBits are the widths of an id's parts, from the
	// top; the sign bit above them is always 0.
	TimeBits, NodeBits, SequenceBits = 41, 10, 12
	// EpochMillis is the instant of time 0, 2024-01-01T00:00:00Z, in Unix milliseconds.
	EpochMillis int64 = 1_704_067_200_000
	// MaxNode is the highest node; the lowest is 1.
	MaxNode = 1<<NodeBits - 1
	// MaxSlots is the highest number of slots that an id can tell apart.
	MaxSlots = 256

	sequenceMask = 1<<SequenceBits - 1
	maxMillis    = 1<<TimeBits - 1
)

// Decompose takes an id apart, for people: when it was made (in UTC; it may be some
// seconds ahead of the clock), by which node, and its number within the millisecond,
// whose low bits are the slot if it carries one. An id that no generator makes (zero or
// negative) gives the parts of its bits all the same.
func Decompose(id int64) (at time.Time, node, sequence int) {
	millis := id >> (NodeBits + SequenceBits)
	return time.UnixMilli(millis + EpochMillis).UTC(),
		int(id >> SequenceBits & MaxNode), int(id & sequenceMask)
}

// SlotOf gives the slot that an id from NextSlot carries. ok is false if the id is not
// positive, slots is not 1 to MaxSlots, or the bits are not a slot below slots: such an
// id was not made by NextSlot with this number of slots. An id that was made otherwise
// cannot always be told apart; only ask for ids of which it is known.
func SlotOf(id int64, slots int) (slot int, ok bool) {
	mask, valid := slotMask(slots)
	slot = int(id & mask)
	if !valid || id <= 0 || slot >= slots {
		return 0, false
	}
	return slot, true
}

// slotMask covers the low bits that the slot takes: ceil(log2 slots) of them.
func slotMask(slots int) (mask int64, ok bool) {
	if slots < 1 || slots > MaxSlots {
		return 0, false
	}
	return 1<<bits.Len(uint(slots-1)) - 1, true
}
