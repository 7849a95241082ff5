package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

func TestReportOfOneCall(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(customers()))
		require.NoError(t, db.AutoMigrate(&Plain{}))
		var report dtde.Report
		asked := func() *gorm.DB {
			report = dtde.Report{Entity: "an older call's"}
			return db.Scopes(dtde.WithReport(&report))
		}
		shards := func() (ids []string, rows []int64) {
			for _, s := range report.Shards {
				ids, rows = append(ids, s.Shard), append(rows, s.Rows)
				assert.Positive(t, s.Time, s.Shard)
				assert.LessOrEqual(t, s.Time, report.Total, s.Shard)
			}
			return ids, rows
		}
		check := func(form string, statements int, total int64, rows ...int64) {
			t.Helper()
			assert.Equal(t, "Customer", report.Entity)
			assert.Equal(t, form, report.Form)
			assert.Equal(t, statements, report.Statements)
			assert.Equal(t, total, report.Rows)
			assert.Positive(t, report.Resolution)
			assert.NotEmpty(t, report.Reason)
			_, got := shards()
			assert.Equal(t, rows, got)
		}
		require.NoError(t, asked().Create(&[]Customer{{ID: 1, Region: "EU"}, {ID: 2, Region: "EU"}, {ID: 3, Region: "US"}, {ID: 4, Region: "APAC"}}).Error)
		check("steps", 3, 4, 2, 1, 1)
		assert.Equal(t, "insert", report.Operation)

		var out []Customer
		require.NoError(t, asked().Where("region = ?", "EU").Find(&out).Error)
		check("one", 1, 2, 2)
		assert.Equal(t, "select", report.Operation)
		require.NoError(t, asked().Scopes(dtde.Reads(dtde.ReadUnion)).Find(&out).Error)
		check("union", 1, 4, -1, -1, -1)
		require.NoError(t, asked().Scopes(dtde.Reads(dtde.ReadSessions)).Find(&out).Error)
		check("sessions", 3, 4, 2, 1, 1)
		require.NoError(t, asked().Scopes(dtde.Reads(dtde.ReadSessions)).Order("id").Limit(2).Find(&out).Error)
		assert.EqualValues(t, 2, report.Rows, "what the call gave")
		ids, rows := shards()
		assert.Equal(t, []string{"EU", "US", "APAC"}, ids)
		assert.EqualValues(t, 2, rows[0], "what the shard sent")
		require.NoError(t, asked().Model(&Customer{}).Where("id > ?", 1).Update("spent", 5).Error)
		check("steps", 3, 3, 1, 1, 1)
		require.NoError(t, asked().Where("id = ?", 3).Delete(&Customer{}).Error)
		check("steps", 3, 1, 0, 1, 0)
		require.NoError(t, asked().Exec("UPDATE customers SET spent = 6 WHERE region IN ('EU', 'APAC')").Error)
		check("steps", 2, 3, 2, 1)
		require.NoError(t, asked().Find(&out, "region = ?", "MARS").Error)
		assert.Equal(t, "none", report.Form)
		assert.Empty(t, report.Shards)

		// rows that are read afterwards: complete once they are closed
		poolOfSize(t, db, 2) // one session: the shards are opened in turn
		for _, err := range dtde.Iterate[Customer](asked().Scopes(dtde.Reads(dtde.ReadSessions))) {
			require.NoError(t, err)
		}
		check("sessions", 3, -1, 2, 0, 1)
		for _, err := range dtde.Iterate[Customer](asked().Scopes(dtde.Reads(dtde.ReadSessions))) {
			require.NoError(t, err)
			break
		}
		assert.Equal(t, 1, report.Statements, "the other shards were never asked")

		// failures are reported, what dtde does not route is not
		require.Error(t, asked().Where("nonsense = 1").Find(&out).Error)
		assert.Equal(t, "union", report.Form)
		require.NoError(t, asked().Find(&[]Plain{}).Error)
		assert.Equal(t, dtde.Report{Entity: "an older call's"}, report)
		require.NoError(t, asked().Session(&gorm.Session{DryRun: true}).Find(&out).Error)
		assert.Equal(t, dtde.Report{Entity: "an older call's"}, report)
	})
}
