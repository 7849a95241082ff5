// Package bulksuite checks bulk inserts against CreateInBatches on a plain table: one suite
// for the INSERT statements of the library itself, on every engine, and for each Bulk.
package bulksuite
