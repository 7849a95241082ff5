package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/internal/testenv"
)

func TestFailureOfOneShardIsTranslated(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{TranslateError: true})
		nine(t, db)
		for _, shard := range []string{"eu", "us", "apac"} {
			require.NoError(t, db.Exec("CREATE UNIQUE INDEX one_status_"+shard+" ON customers_"+shard+" (name)").Error)
		}
		require.ErrorIs(t, db.Model(&Customer{}).Where("spent >= 0").Update("name", "same").Error, gorm.ErrDuplicatedKey)
		require.ErrorIs(t, db.Exec("UPDATE customers SET name = 'same'").Error, gorm.ErrDuplicatedKey)
		assert.Len(t, names(t, db), 9)
	})
}

func TestReturningOfNoShardEmptiesTheDestination(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		if db.Name() == "mysql" {
			t.Skip("MariaDB has no UPDATE … RETURNING")
		}
		nine(t, db)
		list := []Customer{{ID: 3}}
		tx := db.Model(&list).Clauses(clause.Returning{}).Where("region = ?", "nowhere").Update("name", "x")
		require.NoError(t, tx.Error)
		assert.Zero(t, tx.RowsAffected)
		assert.Empty(t, list)
	})
}
