// Package migrator makes GORM's schema calls act on all shards of an entity.
//
// AutoMigrate and db.Migrator() reach a driver only through Dialector.Migrator, so
// [Wrap] wraps the dialector. What dtde does not own goes to the driver's own
// migrator unchanged. For an entity, the driver's migrator runs once per shard, on
// a session of its own whose schema stands under the shard's table: with index and
// constraint names that do not clash, shard key columns that compare by bytes, and
// no foreign key that would name the logical table, which never exists.
//
//	db.Dialector = migrator.Wrap(db.Dialector, runtime.Catalog, migrator.Hooks{AfterTables: announce})
//	err := db.AutoMigrate(&Customer{}, &Order{}) // customers_eu, customers_us, orders_2024, ...
//
// [EnsureShard] makes one shard's table on demand, safe against others that do the
// same at the same time. [Inspect] and [Facts] read what a database really has.
package migrator
