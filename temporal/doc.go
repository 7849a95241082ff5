// Package temporal holds what dtde knows of time, without a database: periods,
// versions, the plan of every write to a key's history, its checks and repairs, and
// the conditions that a lens (as of, between, known at, …) means for given columns.
//
// Everything here is pure: values in, values out; no clock, handle or goroutine. The
// rows themselves are opaque: a [Version] carries any type, and [Rules] says when two
// of them hold the same data. All engines and all kinds of write share [Plan]:
//
//	rules := temporal.Rules[string]{Equal: func(a, b string) bool { return a == b }, Now: may}
//	out, err := temporal.Plan(history, temporal.Save("B").Effective(april), rules)
//	for _, step := range out.Steps { … } // remove, retire, shrink, rewrite, grow, insert: in this order
//
// Every period is [from, to), in UTC. docs/time.md has the concepts and worked cases.
package temporal
