// Package config holds dtde's nouns: databases, entities, shards, key values and
// sets of them, the [Strategy] interface, and the immutable [Catalog] that all
// other packages read. It also validates settings and loads them from files.
//
// Everything here is data: no database handle, clock, log or goroutine. A
// [Catalog] is compiled once and replaced as a whole; it is safe for concurrent
// use because nothing in it changes after [Compile] returns it.
//
// Settings come from struct tags, from the methods of [Entity], or from a file
// ([Load]); all three make the same [Config], which [Compile] checks as a whole. What
// a strategy's own settings must be, its own package checks.
//
//	e := config.Model(&Customer{}).ShardBy("Region", "EU", "US")
//	catalog, err := config.Compile(config.Config{Entities: []config.Entity{e}}, environment)
package config
