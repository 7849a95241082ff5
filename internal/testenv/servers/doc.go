// Package servers starts real database servers for one test: several PostgreSQL
// servers and a MariaDB, each with its own data folder and port, each behind a
// [Proxy] that counts connections and can delay, cut, refuse or swallow them.
//
//	set := servers.Start(t, servers.Options{Postgres: 3})
//	eu, us := set.Postgres[0], set.Postgres[1]
//	db, err := gorm.Open(postgres.Open(us.DSN(us.CreateDatabase(t))))
//	us.Kill(t)    // kill -9
//	us.Restart(t) // the same folder and port
//	assert.Zero(t, eu.Proxy.Connections())
//
// The programs are found as scripts/with-databases.sh finds them. Where they
// aren't installed, the test is skipped; with CI=true it fails. Servers and their
// folders go when the test ends, and when the test's process ends in any way: a
// watchdog process sees it. A process makes its data folders once and copies them
// for each server.
//
// The package is for tests only. It needs Linux.
package servers
