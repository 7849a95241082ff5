// Package callbacks is where dtde meets GORM: it replaces GORM's own query, create,
// update, delete, row and raw callbacks, and for a model that dtde owns does four
// things: translate the statement, ask package planner for a plan, run it, and
// write the results back. A model that dtde does not own is handed to GORM's
// callback untouched.
//
// A statement for one shard, and a union, are aimed in place: the table of the
// caller's own statement is replaced by the physical table, or by the union, under
// the logical name, so that GORM builds and scans everything as it always does:
//
//	SELECT * FROM "customers_us" AS "customers" WHERE "customers"."region" = 'US'
package callbacks
