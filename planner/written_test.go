package planner

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect, sql string
		want         []string
	}{
		{"sqlite", "SELECT * FROM a WHERE id IN (SELECT id FROM b)", nil},
		{"sqlite", "INSERT INTO a (id) SELECT id FROM b JOIN c ON b.id = c.id", []string{"a"}},
		{"sqlite", "INSERT OR IGNORE INTO a (id) VALUES (1)", []string{"a"}},
		{"sqlite", "UPDATE OR IGNORE a SET x = (SELECT 1 FROM b)", []string{"a"}},
		{"sqlite", "DELETE FROM main.a WHERE id IN (SELECT id FROM b)", []string{"a"}},
		{"postgres", "UPDATE ONLY a SET x = b.x FROM b", []string{"a", "b"}},
		{"postgres", "WITH gone AS (DELETE FROM a RETURNING id) SELECT * FROM gone JOIN b ON true", []string{"a"}},
		{"postgres", "WITH few AS (SELECT 1 FROM b) INSERT INTO a (id) SELECT * FROM few ON CONFLICT (id) DO UPDATE SET x = 1", []string{"a"}},
		{"mysql", "DELETE x FROM a x JOIN b ON x.id = b.id", []string{"x", "a", "b"}},
		{"mysql", "INSERT LOW_PRIORITY IGNORE INTO a (id) VALUES (1) ON DUPLICATE KEY UPDATE id = 2", []string{"a"}},
		{"mysql", "REPLACE INTO a (id) VALUES (1)", []string{"a"}},
		{"mysql", "TRUNCATE TABLE a", []string{"a"}},
	} {
		t.Run(c.sql, func(t *testing.T) {
			t.Parallel()
			names, ok := Written(Dialect{Name: c.dialect}, c.sql)
			assert.True(t, ok)
			assert.Equal(t, c.want, names)
		})
	}
	_, ok := Written(Dialect{Name: "mysql"}, "DELETE FROM a WHERE x = 'open")
	assert.False(t, ok)
}
