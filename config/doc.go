// Package config holds dtde's nouns: databases, entities, shards, key values and
// sets of them, the [Strategy] interface, and the immutable [Catalog] that all
// other packages read. It also validates settings and loads them from files.
//
// Everything here is data: no database handle, clock, log or goroutine. A
// [Catalog] is compiled once and replaced as a whole; it is safe for concurrent
// use because nothing in it changes after [Compile] returns it.
//
//	e := config.Model(&Customer{}).ShardBy("Region", "EU", "US")
//	catalog, err := config.Compile(config.Config{Entities: []config.Entity{e}}, parse, factory)
package config
