// Package strategies makes the [config.Strategy] of a [config.StrategySpec]: by value,
// date, hash slots, consistent ring, first letter, range, number of rows, several keys
// at once, a computed key, the program's own function, and tables that exist already.
//
// Everything here is pure: no clock, no I/O, and safe for concurrent use. What a
// strategy remembers (names of months, splits of composite ids) are values of pure
// functions.
//
//	s, err := strategies.New(config.ByHash("ID", 8), keys, nil)
//	id, err := s.Place([]config.Value{config.Int(42)})      // "3"
//	r := s.Route(config.RouteQuery{Keys: sets, Known: ids}) // the shards to visit
//
// # Keys and sets
//
// Key values are taken as [config.KeyColumn.Convert] gives them: cut to the column's
// precision. A text column that does not compare by bytes (BytesEqual) is placed by its
// bytes and never pruned. Ranges in a set mean what [config.Set.Contains] says.
//
// Routing.IDs can share memory with RouteQuery.Known; neither may be changed.
//
// # Fingerprints
//
// Fingerprint is a text of lines. A line that is present must stay as it is, or rows
// would be looked for where they are not; new lines may come. So a value strategy
// without a default shard can learn a new value (a new line), and one with a default
// cannot (the line of the default lists the values), because rows with the new value
// lie in the default shard already. A ring has one line for all its nodes: a node more
// moves keys. Bounds of a date strategy are not in it: they move nothing.
package strategies
