// Package merge joins the rows that several shards return into one row stream and hands it out as an ordinary
// [*database/sql.Rows], so that GORM scans a merged answer exactly as it scans an engine's own.
//
// A [Source] is a stream of rows. [FromRows] reads one from a shard's rows, [FromValues] from memory. Operators take
// sources and are sources:
//
//	Concat    one source after another
//	Sequence  Concat over sources that are opened in turn
//	Ordered   k-way merge of sorted sources
//	Limit     OFFSET and LIMIT
//	Distinct  whole rows once
//	Project   drops trailing columns that only the merge needed
//	Group     merges partial aggregates (count, sum, min, max, avg)
//	Sort      orders what no shard could order
//	Buffer    reads everything now, so that the connection is free again
//
// [Rows] and [Row] end the chain:
//
//	a, err := merge.FromRows(rowsOfShard1)
//	b, err := merge.FromRows(rowsOfShard2)
//	page := merge.Limit(merge.Ordered([]merge.OrderKey{{Column: 1}}, a, b), 10, 10)
//	rows, err := merge.Rows(ctx, page) // *sql.Rows; closing it closes both shards' rows
//
// # Ownership and errors
//
// A source that is given to an operator belongs to it: closing the outermost source closes all of them, each exactly
// once, and the first error closes all at once. Errors are final: a source that failed fails again with the same error
// and never reports an end, so a partial answer can't look complete. A failure below an operator of several sources is
// a [*SourceError] that says which one.
//
// # Memory
//
// Rows stream: every operator holds at most one row per source (Ordered one more to read ahead), except Distinct,
// Group, Sort and Buffer, which take a bound and fail with [ErrTooManyRows] beyond it.
//
// # Comparing like the engine
//
// The package compares values, not collations: text compares by its bytes, and a column whose type has an order of its
// own (an interval, an enum) is refused with [ErrIncomparable] instead of guessed. Whether bytes are the engine's order
// is the planner's question. As a safety net Ordered verifies that each source really is sorted ([ErrUnordered]).
//
// The package is pure apart from the sources it is given. It starts no goroutines of its own and imports the standard
// library only. Sources are not safe for concurrent use.
package merge
