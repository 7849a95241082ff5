// Package planner decides, before anything is sent, which shards a statement visits
// and how: the predicate is read from GORM's clauses as sets of key values, the
// entity's strategy turns the sets into shards, and the statement's shape decides
// whether one statement, a union, sessions or steps carry it out.
//
// Everything here is pure: a function of the statement and the catalog's table. A
// [Plan] is data that prints. What is not understood widens to all shards; what
// would still not be exact is refused with a [config.UnsupportedError].
//
//	plan, err := planner.PlanRead(&planner.Statement{
//		Operation: planner.Select,
//		Table:     table,
//		Alias:     table.LogicalName,
//		Clauses:   tx.Statement.Clauses,
//		Dialect:   planner.Dialect{Name: "sqlite"},
//	})
//	fmt.Println(plan) // select Order: one, 1 of 3 shards {US} …
//
// [AnalyzeRaw] does the same for SQL text that names an entity's logical table, and
// [ManualBoxes] reads the predicates of manual tables.
package planner
