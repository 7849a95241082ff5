// Package oracle runs generated programs of reads and writes on one plain table
// and on a sharded model, and compares every answer and the final contents.
//
// A program is a list of operations drawn from a seed. Each operation is run on
// the sharded side first; a refusal must stand in docs/unsupported.md and must
// have changed nothing, and the plain side then skips the operation. Where SQL
// leaves a choice open (no total order, LIMIT without one) sets and membership
// are compared.
//
// Every shape of statement ([wantedShapes]) must have its share of the operations,
// which the run prints and checks; refusals must stay rare. Most variants shard one
// model beside a small unsharded one; some have models with every kind of relation,
// some models with composite keys and foreign keys that act, some many rows, so that
// pages lie deep. TestOracleDatabases runs a part of the variants, one with composite keys
// and foreign keys among them, with the shards in three databases: three PostgreSQL servers, SQLite files, databases of
// a MariaDB server. What is refused there because it needs rows of several databases is
// counted apart.
//
//	make test                               every variant once, 5,000 operations per database (a part
//	                                        of the variants also under the race detector)
//	make oracle N=1000000                   rounds of all variants up to N operations per database
//	DTDE_ORACLE_SEED=7 go test ./tests/oracle/ -run 'TestOracle/sqlite/round0/value-3'
//
// TestMutants shows that the suite would notice: it copies the module to a temporary
// folder, plants faults by replacing short texts of the library (each must stand in
// its file exactly once; a change there means to write the mutant anew), builds the
// copy once and runs it once per fault, which an environment variable picks. The
// library itself has no hook for it.
//
// DTDE_ORACLE_N is the operations per database, DTDE_ORACLE_DIFFERENCES after how
// many differences a database's run ends, DTDE_ORACLE_SHRINK=0 leaves programs as
// long as they were.
//
// A difference is printed as the smallest program that still shows it, with both
// answers and the SQL that each side sent.
package oracle
