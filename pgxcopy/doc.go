// Package pgxcopy lets dtde.BulkInsert use PostgreSQL's COPY, over the driver pgx. It is a
// module of its own so that dtde needs no driver.
//
//	dtde.Register(dtde.Config{
//		Bulk:     pgxcopy.Bulk{}, // of every database; Database.Bulk is that of one
//		Entities: …,
//	})
//	n, err := dtde.BulkInsert(db, orders)
//
// COPY needs no connection of its own: it runs on that of the transaction, also one that
// the program began or was given. The *gorm.DB must be on pgx through database/sql, as
// gorm.io/driver/postgres is; over another driver, and into tables with column types that
// pgx can't write in binary, rows go by INSERT.
package pgxcopy
