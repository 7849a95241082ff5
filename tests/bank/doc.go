// Package bank moves money between accounts on three PostgreSQL servers, while the
// programs that do so are killed and the servers are stopped, and then looks whether
// any was lost: the test of dtde's transactions over several databases.
//
// A coordinator is a child process, the test binary itself, that makes transfers by
// one of several protocols: dtde's, the same written by hand, and broken ones, in
// which the harness must find the loss. It tells its parent by lines what began, what
// was acknowledged, what failed for certain and what is in doubt. At a named point of
// the protocol it can stop and wait, so that the parent kills it, stops a server,
// recovers beside it, or lets it go on.
//
//	DTDE_BANK_SECONDS=60 DTDE_BANK_SEED=7 go test -run TestChaos -v ./tests/bank/
package bank
