package planner

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOnlyReads(t *testing.T) {
	t.Parallel()
	d := Dialect{Name: "postgres"}
	for _, sql := range []string{
		"SELECT * FROM orders", " select a from b where c = 'for update'", "(SELECT 1 FROM a) UNION (SELECT 2 FROM b)",
		"WITH x AS (SELECT * FROM a) SELECT * FROM x", "SELECT replace(a, 'b', 'c') FROM d", `SELECT "into" FROM a`,
		"SELECT * FROM a -- INTO b", "SELECT a.update FROM a",
	} {
		assert.True(t, OnlyReads(d, sql), sql)
	}
	for _, sql := range []string{
		"", "SELECT nextval('a')", "SELECT pg_advisory_lock(1)", "SELECT * FROM a FOR UPDATE", "SELECT * FROM a FOR NO KEY UPDATE SKIP LOCKED",
		"SELECT * FROM a LOCK IN SHARE MODE", "SELECT * INTO b FROM a", "WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x",
		"WITH x AS (SELECT 1 FROM a) INSERT INTO b SELECT * FROM x", "INSERT INTO a SELECT * FROM b", "UPDATE a SET b = 1", "EXPLAIN ANALYZE SELECT 1 FROM a",
		"SELECT 'unclosed FROM a", "CALL a()", "TRUNCATE a",
	} {
		assert.False(t, OnlyReads(d, sql), sql)
	}
}
