// Package keys makes primary keys: 64-bit time-ordered ids and UUIDs of version 7.
//
// An id is a positive int64: 41 bits of milliseconds since 2024-01-01T00:00:00Z, 10
// bits of node, 12 bits of sequence. Ids of one [Generator] rise strictly; ids of two
// generators differ as long as their nodes do, or the periods for which they were
// granted the same node do not meet. Package store leases nodes in the database so
// that this holds; a [Generator] that was given a [Grant] stops by itself at its end.
//
// An id can carry a hash slot in the low bits of its sequence ([Generator.NextSlot]):
// [SlotOf] then finds the row's shard from the id alone.
//
// Nothing here sleeps, logs, starts goroutines or talks to a database. The clock is
// given by the caller.
//
//	g, err := keys.New(7, time.Now)
//	id, err := g.Next()
//	at, node, sequence := keys.Decompose(id)
package keys
