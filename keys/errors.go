package keys

import "github.com/go-dtde/dtde/config"

// fault is an error value that matches config.Err.
type fault string

func (f fault) Error() string        { return "dtde: " + string(f) }
func (f fault) Is(target error) bool { return target == config.Err }

// Sentinel errors; match them with errors.Is. All match config.Err.
var (
	// ErrNode: the node is not one of 1 to MaxNode.
	ErrNode error = fault("node out of range: a node is 1 to 1023")
	// ErrSlot: the slot or the number of slots is out of range.
	ErrSlot error = fault("slot out of range: there are 1 to 256 slots, numbered from 0")
	// ErrClockBack: the clock was set back by more than ids may run ahead of it. Ids
	// can be made again when it has caught up.
	ErrClockBack error = fault("the clock was set back: no id can be made until it has caught up with the last one")
	// ErrClockRange: the clock shows a time before 2024 or after 2093.
	ErrClockRange error = fault("the clock shows a time that ids cannot hold: set it right")
	// ErrTooFast: ids were drawn faster than the layout has room for, for so long that
	// they ran ahead of the clock as far as they may. Wait some milliseconds.
	ErrTooFast error = fault("ids are drawn faster than they can be made: wait and try again")
	// ErrNotGranted: the generator's node is not, or no longer, its own.
	ErrNotGranted error = fault("the node of this generator is not granted any more: renew its lease")
)
