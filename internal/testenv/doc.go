// Package testenv gives dtde's tests their databases: a fresh, private one per
// test on SQLite and, where a server is configured, PostgreSQL and MariaDB.
//
//	for _, d := range testenv.Databases(t) {
//		t.Run(d.Name, func(t *testing.T) {
//			t.Parallel()
//			db := d.Open(t)
//			sent := testenv.Record(db)
//			...
//			assert.Equal(t, []string{"BEGIN", "INSERT ...", "COMMIT"}, sent.Statements())
//		})
//	}
//
// Servers come from DTDE_POSTGRES_DSN and DTDE_MYSQL_DSN, which
// scripts/with-databases.sh sets. One that is missing is left out with a line
// in the test's log; with CI=true the test fails.
//
// The package is for tests only: it imports every driver, and nothing in the
// library may import it.
package testenv
