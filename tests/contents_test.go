package tests

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
)

// beside opens a connection of its own to db's database, without dtde: what it sees
// is committed, and what it says is what the tables really hold.
func beside(t testing.TB, db *gorm.DB) *gorm.DB {
	t.Helper()
	return testenv.Reopen(t, db)
}

// contents reads every row of every table whose name begins with prefix, on a
// connection of its own.
func contents(t testing.TB, plain *gorm.DB, prefix string) map[string][]string {
	t.Helper()
	tables, err := plain.Migrator().GetTables()
	require.NoError(t, err)
	all := map[string][]string{}
	for _, table := range tables {
		if !strings.HasPrefix(table, prefix) {
			continue
		}
		var rows []map[string]any
		require.NoError(t, plain.Table(table).Find(&rows).Error)
		all[table] = []string{}
		for _, row := range rows {
			all[table] = append(all[table], fmt.Sprint(row)) // fmt sorts the keys
		}
		sort.Strings(all[table])
	}
	return all
}

// count is the number of rows in all tables whose name begins with prefix.
func count(t testing.TB, plain *gorm.DB, prefix string) int {
	t.Helper()
	n := 0
	for _, rows := range contents(t, plain, prefix) {
		n += len(rows)
	}
	return n
}
